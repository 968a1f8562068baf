using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Fewshot.ServiceDefaults;

/// <summary>A question that a store which this host cannot do without answers while it is well.</summary>
public sealed record StoreProbe(Func<CancellationToken, Task> AskAsync);

/// <summary>
/// Whether the stores answer: without them no step can begin or end, and no job be taken.
/// Answers are cached for five seconds, because anybody may ask and must not be able to load the stores.
/// </summary>
internal sealed class StoresHealthCheck(IEnumerable<StoreProbe> probes, TimeProvider time) : IHealthCheck
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2), Valid = TimeSpan.FromSeconds(5);
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
            await Task.WhenAll(probes.Select(probe => probe.AskAsync(stop.Token))).WaitAsync(Patience);
            return HealthCheckResult.Healthy();
        }
        catch (Exception e)
        {
            return HealthCheckResult.Unhealthy("The stores do not answer.", e);
        }
    }
}
