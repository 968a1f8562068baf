using Fewshot.Compression;
using Fewshot.LatencyProfiler.Grpc;
using Fewshot.Models;
using Fewshot.ServiceDefaults;
using Grpc.Core;

namespace Fewshot.LatencyProfiler;

/// <summary>The latency profiler in a host that has the defaults.</summary>
public static class LatencyProfilerHost
{
    /// <summary>Adds the measuring of networks.</summary>
    public static WebApplicationBuilder AddLatencyProfiler(this WebApplicationBuilder builder)
    {
        builder.Services.MapError<ModelException>(StatusCode.FailedPrecondition);
        builder.Services.MapError<InvalidEditException>(StatusCode.InvalidArgument);
        builder.Services.MapError<CompressionException>(StatusCode.FailedPrecondition);
        return builder;
    }

    /// <summary>Maps the service.</summary>
    public static WebApplication MapLatencyProfiler(this WebApplication app)
    {
        app.MapGrpcService<LatencyProfilerGrpcService>();
        return app;
    }
}
