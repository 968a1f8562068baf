using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Tenants;

/// <summary>The places of a gateway where jobs run. They are taken in turn; who has as many as its tenant may have is overtaken.</summary>
/// <param name="count">How many there are.</param>
public sealed class JobPlaces(int count)
{
    private readonly Lock gate = new();
    private readonly LinkedList<Waiting> queue = [];
    private readonly Dictionary<string, int> taken = new(StringComparer.Ordinal);
    private int free = count;

    /// <summary>Waits for a place; dispose it when the job has ended here.</summary>
    public async Task<IDisposable> TakeAsync(Tenant tenant, CancellationToken ct)
    {
        var waiting = new Waiting(tenant);
        lock (gate)
        {
            queue.AddLast(waiting);
            Fill();
        }

        await using var gone = ct.Register(() =>
        {
            lock (gate)
                queue.Remove(waiting);
            waiting.Turn.TrySetCanceled(ct);
        });
        await waiting.Turn.Task;
        return new Place(this, tenant.Name);
    }

    private void Fill()
    {
        for (var node = queue.First; node is not null && free > 0;)
        {
            var (next, tenant) = (node.Next, node.Value.Tenant);
            var running = taken.GetValueOrDefault(tenant.Name);
            if (running < (tenant.MaxRunningJobs ?? int.MaxValue))
            {
                queue.Remove(node);
                // Whoever gave up a moment ago takes none.
                if (node.Value.Turn.TrySetResult())
                {
                    free--;
                    taken[tenant.Name] = running + 1;
                }
            }

            node = next;
        }
    }

    private sealed record Waiting(Tenant Tenant)
    {
        public TaskCompletionSource Turn { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class Place(JobPlaces places, string tenant) : IDisposable
    {
        private int left;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref left, 1) != 0)
                return;
            lock (places.gate)
            {
                places.free++;
                if (--places.taken[tenant] == 0)
                    places.taken.Remove(tenant);
                places.Fill();
            }
        }
    }
}
