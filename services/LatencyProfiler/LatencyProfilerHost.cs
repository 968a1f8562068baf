using Fewshot.LatencyProfiler.Grpc;
using Fewshot.ServiceDefaults;
using Fewshot.StageDefaults;

namespace Fewshot.LatencyProfiler;

/// <summary>The latency profiler in a host that has the defaults.</summary>
public static class LatencyProfilerHost
{
    /// <summary>Adds the measuring of networks.</summary>
    public static IServiceCollection AddLatencyProfiler(this IServiceCollection services) =>
        services.AddStageErrors().AddStartupCheck<SelfTest>();

    /// <summary>Maps the service.</summary>
    public static WebApplication MapLatencyProfiler(this WebApplication app)
    {
        app.MapGrpcService<LatencyProfilerGrpcService>();
        return app;
    }
}
