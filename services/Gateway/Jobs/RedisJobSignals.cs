using System.Collections.Concurrent;
using Fewshot.Artifacts;
using Fewshot.Artifacts.Redis;
using StackExchange.Redis;

namespace Fewshot.Gateway.Jobs;

/// <summary>Wakes who waits for a job's events. One subscription serves all of a gateway's watchers.</summary>
internal sealed class RedisJobSignals(RedisServer server) : IDisposable
{
    private readonly ConcurrentDictionary<string, TaskCompletionSource> waiting = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim subscribing = new(1);
    private volatile bool subscribed;

    /// <summary>Ends when the job has news; or never, when the server cannot be reached.</summary>
    public async Task<Task> NextAsync(string id, CancellationToken ct)
    {
        await SubscribeAsync(ct);
        return waiting.GetOrAdd(id, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
    }

    public void Dispose() => subscribing.Dispose();

    private async Task SubscribeAsync(CancellationToken ct)
    {
        if (subscribed)
            return;
        await subscribing.WaitAsync(ct);
        try
        {
            if (subscribed)
                return;
            await server.SubscribeAsync(RedisJobScripts.Channel, Wake, ct);
            subscribed = true;
        }
        catch (Exception e) when (e is RedisException or TimeoutException or StoreUnavailableException)
        {
            // Watchers look from time to time anyway; the next one tries again.
        }
        finally
        {
            subscribing.Release();
        }
    }

    private void Wake(string id)
    {
        if (waiting.TryRemove(id, out var waiter))
            waiter.TrySetResult();
    }
}
