using System.Runtime.CompilerServices;
using Fewshot.Artifacts;
using Fewshot.Gateway.Jobs;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Tests;

/// <summary>Calls that succeed and report that no answer came: a given share of them, in an order that the seed says.</summary>
internal sealed class Unheard(double share, int seed)
{
    private readonly Random random = new(seed);
    private int calls, lost;

    public int Calls => calls;

    public int Lost => lost;

    public async Task<T> CallAsync<T>(Task<T> call)
    {
        var answer = await call;
        Answer();
        return answer;
    }

    public async Task CallAsync(Task call)
    {
        await call;
        Answer();
    }

    public void Answer()
    {
        Interlocked.Increment(ref calls);
        lock (random)
        {
            if (random.NextDouble() >= share)
                return;
        }

        Interlocked.Increment(ref lost);
        throw new StoreUnavailableException("The answer did not come in time (it was lost on purpose).");
    }
}

internal sealed class UnheardLedger(IStepLedger inner, Unheard unheard) : IStepLedger
{
    public Task<Digest?> FindResultAsync(StepKey key, CancellationToken ct = default) => unheard.CallAsync(inner.FindResultAsync(key, ct));

    public async Task<IStepLease?> TryAcquireAsync(StepKey key, string owner, CancellationToken ct = default) =>
        await unheard.CallAsync(inner.TryAcquireAsync(key, owner, ct)) is { } lease ? new Lease(lease, unheard) : null;

    public Task<Digest?> FindCheckpointAsync(StepKey key, CancellationToken ct = default) => unheard.CallAsync(inner.FindCheckpointAsync(key, ct));

    public Task SetCheckpointAsync(IStepLease lease, Digest checkpoint, CancellationToken ct = default) =>
        unheard.CallAsync(inner.SetCheckpointAsync(((Lease)lease).Inner, checkpoint, ct));

    public Task ForgetResultAsync(StepKey key, Digest lost, CancellationToken ct = default) => unheard.CallAsync(inner.ForgetResultAsync(key, lost, ct));

    private sealed class Lease(IStepLease inner, Unheard unheard) : IStepLease
    {
        public IStepLease Inner => inner;

        public StepKey Key => inner.Key;

        public Task RenewAsync(CancellationToken ct = default) => unheard.CallAsync(inner.RenewAsync(ct));

        public Task<Digest> CompleteAsync(Digest result, CancellationToken ct = default) => unheard.CallAsync(inner.CompleteAsync(result, ct));

        // Giving back is not allowed to fail.
        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}

internal sealed class UnheardArtifacts(IArtifactStore inner, Unheard unheard) : IArtifactStore
{
    public Task<ArtifactInfo> PutAsync(Stream content, Digest? expected = null, CancellationToken ct = default) => unheard.CallAsync(inner.PutAsync(content, expected, ct));

    public async Task<Stream> OpenAsync(Digest digest, CancellationToken ct = default)
    {
        var stream = await inner.OpenAsync(digest, ct);
        try
        {
            unheard.Answer();
            return stream;
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    public Task<ArtifactInfo?> StatAsync(Digest digest, CancellationToken ct = default) => unheard.CallAsync(inner.StatAsync(digest, ct));

    public Task<string> MaterializeAsync(Digest digest, CancellationToken ct = default) => unheard.CallAsync(inner.MaterializeAsync(digest, ct));
}

internal sealed class UnheardJobs(IJobStore inner, Unheard unheard) : IJobStore
{
    public Task<JobRecord> CreateAsync(string requestId, string kind, string spec, Tenant? tenant = null, CancellationToken ct = default) =>
        unheard.CallAsync(inner.CreateAsync(requestId, kind, spec, tenant, ct));

    public Task<JobRecord?> FindAsync(string id, CancellationToken ct = default) => unheard.CallAsync(inner.FindAsync(id, ct));

    public Task<IReadOnlyList<JobRecord>?> ListAsync(string? after, int count, string? tenant = null, CancellationToken ct = default) =>
        unheard.CallAsync(inner.ListAsync(after, count, tenant, ct));

    public Task<IReadOnlyList<string>> UnfinishedAsync(CancellationToken ct = default) => unheard.CallAsync(inner.UnfinishedAsync(ct));

    public Task RequestCancelAsync(string id, CancellationToken ct = default) => unheard.CallAsync(inner.RequestCancelAsync(id, ct));

    public Task<bool> IsCancelRequestedAsync(string id, CancellationToken ct = default) => unheard.CallAsync(inner.IsCancelRequestedAsync(id, ct));

    public async Task<IJobWriter> OpenAsync(string id, IStepLease claim, CancellationToken ct = default)
    {
        var writer = await inner.OpenAsync(id, claim, ct);
        try
        {
            unheard.Answer();
            return new Writer(writer, unheard);
        }
        catch
        {
            await writer.DisposeAsync();
            throw;
        }
    }

    public async IAsyncEnumerable<JobEvent?> FollowAsync(string id, long fromSequence, TimeSpan silence, [EnumeratorCancellation] CancellationToken ct = default)
    {
        await foreach (var e in inner.FollowAsync(id, fromSequence, silence, ct))
        {
            yield return e;
            unheard.Answer();
        }
    }

    public Task ForgetAsync(string id, CancellationToken ct = default) => unheard.CallAsync(inner.ForgetAsync(id, ct));

    public Task<long> LastSequenceAsync(string id, CancellationToken ct = default) => unheard.CallAsync(inner.LastSequenceAsync(id, ct));

    private sealed class Writer(IJobWriter inner, Unheard unheard) : IJobWriter
    {
        // Written in the background by the store in Redis, which repeats what got lost.
        public void Append(ProgressNote? progress = null, StepNote? step = null) => inner.Append(progress, step);

        public Task RecordAsync(JobRecord job, CancellationToken ct = default) => unheard.CallAsync(inner.RecordAsync(job, ct));

        public Task FlushAsync(CancellationToken ct = default) => unheard.CallAsync(inner.FlushAsync(ct));

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
