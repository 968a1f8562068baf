using Fewshot.Artifacts;
using Orleans.Runtime;
using Polly;
using Polly.Retry;
using Polly.Timeout;

namespace Fewshot.Gateway.Cluster;

/// <summary>
/// Calls grains, whose silo may be dying: a call that fails because of that is repeated, so it must be harmless when it runs twice. Within
/// seconds the cluster knows that a silo is gone, and activates its grains elsewhere.
/// </summary>
public sealed class GrainCalls(IGrainFactory grains)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ResiliencePipeline retries = new ResiliencePipelineBuilder()
        .AddTimeout(Patience)
        .AddRetry(new RetryStrategyOptions
        {
            ShouldHandle = args => ValueTask.FromResult(IsPassing(args.Outcome.Exception)),
            MaxRetryAttempts = int.MaxValue,
            Delay = TimeSpan.FromMilliseconds(50),
            MaxDelay = TimeSpan.FromSeconds(1),
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
        })
        .Build();

    /// <summary>Calls a grain until it answers.</summary>
    /// <exception cref="StoreUnavailableException">It did not for half a minute.</exception>
    public async Task<T> AskAsync<TGrain, T>(string key, Func<TGrain, Task<T>> call, CancellationToken ct = default)
        where TGrain : IGrainWithStringKey
    {
        try
        {
            return await retries.ExecuteAsync(async stop => await call(grains.GetGrain<TGrain>(key)).WaitAsync(stop), ct);
        }
        catch (Exception e) when (e is TimeoutRejectedException || IsPassing(e))
        {
            throw new StoreUnavailableException("The gateways' cluster does not answer just now.", e) { Kind = "cluster" };
        }
    }

    /// <inheritdoc cref="AskAsync"/>
    public Task TellAsync<TGrain>(string key, Func<TGrain, Task> call, CancellationToken ct = default)
        where TGrain : IGrainWithStringKey =>
        AskAsync<TGrain, bool>(
            key,
            async grain =>
            {
                await call(grain);
                return true;
            },
            ct);

    private static bool IsPassing(Exception? e) => e is OrleansException or TimeoutException;
}
