using Grpc.AspNetCore.HealthChecks;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace Fewshot.ServiceDefaults;

/// <summary>
/// The names that probes ask the standard health service for. The empty name and <c>readiness</c> stand for the host with its stores, and a
/// host that is stopping is not ready. <c>liveness</c> is the process alone: it serves as long as it answers, also without its stores and
/// while it drains. <c>startup</c> adds what must have passed once before the first call.
/// </summary>
public static class Probes
{
    private const string Process = "process", Startup = "startup";

    /// <summary>Adds a check that must pass before the host is given work; adding it again changes nothing.</summary>
    public static IServiceCollection AddStartupCheck<T>(this IServiceCollection services)
        where T : class, IHealthCheck
    {
        if (services.Any(known => known.ServiceType == typeof(T)))
            return services;
        services.AddSingleton<T>();
        services.AddHealthChecks().AddCheck<T>(typeof(T).Name, tags: [Startup]);
        return services;
    }

    internal static void AddProbes(this IServiceCollection services)
    {
        services.AddSingleton<StoresHealthCheck>();
        services.AddGrpcHealthChecks(options =>
        {
            options.Services.Map("readiness", _ => true);
            options.Services.Map("liveness", check => check.Name == Process);
            options.Services.Map(Startup, check => check.Name == Process || check.Tags.Contains(Startup));
        })
            .AddCheck(Process, () => HealthCheckResult.Healthy())
            .AddCheck<StoresHealthCheck>("stores")
            .AddCheck<StoppingHealthCheck>("stopping");
    }

    /// <summary>Maps the health service for callers without credentials, as probes are.</summary>
    internal static void MapProbes(this WebApplication app) => app.MapGrpcHealthChecksService().AllowAnonymous();

    private sealed class StoppingHealthCheck(IHostApplicationLifetime lifetime) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
            Task.FromResult(lifetime.ApplicationStopping.IsCancellationRequested
                ? HealthCheckResult.Unhealthy("The host is stopping.")
                : HealthCheckResult.Healthy());
    }
}
