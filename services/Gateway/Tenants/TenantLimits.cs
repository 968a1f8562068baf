using Fewshot.ServiceDefaults;
using Grpc.Core;

namespace Fewshot.Gateway.Tenants;

/// <summary>
/// Tenants with their limits: their own where the file of tenants says so, else the gateway's defaults. Where callers have no names there
/// are none.
/// </summary>
public sealed class TenantLimits(Callers callers, GatewayOptions options)
{
    /// <summary>The tenant that calls.</summary>
    public Tenant Of(ServerCallContext call) => Limited(callers.TenantOf(call));

    /// <summary>A tenant by its name, with its limits now.</summary>
    public Tenant Named(string name) => callers.Secured ? Limited(callers.Named(name)) : Tenant.Local;

    private Tenant Limited(Tenant tenant) => !callers.Secured ? tenant : tenant with
    {
        MaxUnfinishedJobs = tenant.MaxUnfinishedJobs ?? options.DefaultMaxUnfinishedJobs,
        MaxRunningJobs = tenant.MaxRunningJobs ?? options.DefaultMaxRunningJobs,
        MaxArtifactBytes = tenant.MaxArtifactBytes ?? options.DefaultMaxArtifactBytes,
        MaxStreams = tenant.MaxStreams ?? options.DefaultMaxStreams,
        MaxComputeSeconds = tenant.MaxComputeSeconds ?? options.DefaultMaxComputeSeconds,
    };
}
