using Fewshot.Artifacts;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Fewshot.ServiceDefaults;

/// <summary>Whether the ledger and the artifact store answer: without them no step can begin or end. Asks both for what is not there.</summary>
internal sealed class StoresHealthCheck(IStepLedger ledger, IArtifactStore artifacts) : IHealthCheck
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private static readonly StepKey Nothing = StepKey.Of("/health", 1, []);
    private static readonly Digest Nobody = Digest.Of("health"u8);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await Task.WhenAll(ledger.FindResultAsync(Nothing, cancellationToken), artifacts.StatAsync(Nobody, cancellationToken)).WaitAsync(Patience, cancellationToken);
            return HealthCheckResult.Healthy();
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            return HealthCheckResult.Unhealthy("The stores do not answer.", e);
        }
    }
}
