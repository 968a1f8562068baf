using Fewshot.Artifacts;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Fewshot.ServiceDefaults;

/// <summary>
/// Whether the ledger and the artifact store answer: without them no step can begin or end. Asks both for what is not there.
/// Answers are cached for five seconds, because anybody may ask and must not be able to load the stores.
/// </summary>
internal sealed class StoresHealthCheck(IStepLedger ledger, IArtifactStore artifacts, TimeProvider time) : IHealthCheck
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2), Valid = TimeSpan.FromSeconds(5);
    private static readonly StepKey Nothing = StepKey.Of("/health", 1, []);
    private static readonly Digest Nobody = Digest.Of("health"u8);

    private readonly Lock gate = new();
    private Task<HealthCheckResult>? answer;
    private long asked;

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        lock (gate)
        {
            if (answer is null || (answer.IsCompleted && time.GetElapsedTime(asked) >= Valid))
                (answer, asked) = (Task.Run(AskAsync, CancellationToken.None), time.GetTimestamp());
            return answer.WaitAsync(cancellationToken);
        }
    }

    private async Task<HealthCheckResult> AskAsync()
    {
        using var stop = new CancellationTokenSource(Patience);
        try
        {
            await Task.WhenAll(ledger.FindResultAsync(Nothing, stop.Token), artifacts.StatAsync(Nobody, stop.Token)).WaitAsync(Patience);
            return HealthCheckResult.Healthy();
        }
        catch (Exception e)
        {
            return HealthCheckResult.Unhealthy("The stores do not answer.", e);
        }
    }
}
