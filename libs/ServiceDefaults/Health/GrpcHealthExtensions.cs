using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Fewshot.ServiceDefaults;

/// <summary>How the health service watches.</summary>
public sealed class GrpcHealthOptions
{
    /// <summary>Time between two looks at the checks for a watcher.</summary>
    public TimeSpan WatchPeriod { get; set; } = TimeSpan.FromSeconds(5);
}

/// <summary>Adds <c>grpc.health.v1.Health</c> to a host.</summary>
public static class GrpcHealthExtensions
{
    /// <summary>Registers the health service; checks are added to the builder returned.</summary>
    public static IHealthChecksBuilder AddGrpcHealthChecks(this IServiceCollection services, Action<GrpcHealthOptions>? configure = null)
    {
        var options = new GrpcHealthOptions();
        configure?.Invoke(options);
        services.AddSingleton(options);
        return services.AddHealthChecks();
    }

    /// <summary>Maps the health service; open to callers without credentials, as probes are.</summary>
    public static IEndpointConventionBuilder MapGrpcHealthChecksService(this IEndpointRouteBuilder builder) =>
        builder.MapGrpcService<GrpcHealthService>().AllowAnonymous();
}
