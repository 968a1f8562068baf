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
    public static IServiceCollection AddLatencyProfiler(this IServiceCollection services)
    {
        services.MapError<ModelException>(StatusCode.FailedPrecondition);
        services.MapError<InvalidEditException>(StatusCode.InvalidArgument);
        services.MapError<CompressionException>(StatusCode.FailedPrecondition);
        return services;
    }

    /// <summary>Maps the service.</summary>
    public static WebApplication MapLatencyProfiler(this WebApplication app)
    {
        app.MapGrpcService<LatencyProfilerGrpcService>();
        return app;
    }
}
