using Fewshot.Artifacts;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace Fewshot.Gateway.Tests;

/// <summary>Calls that succeed and report that no answer came: a given share of them, in an order that the seed says.</summary>
internal sealed class Unheard(double share, int seed)
{
    private volatile bool ended;
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

    /// <summary>Everything is heard from now on.</summary>
    public void End() => ended = true;

    public void Answer()
    {
        Interlocked.Increment(ref calls);
        lock (random)
        {
            if (ended || random.NextDouble() >= share)
                return;
        }

        Interlocked.Increment(ref lost);
        throw new StoreUnavailableException("The answer did not come in time (it was lost on purpose).");
    }
}

internal sealed class UnheardNames(IArtifactNames inner, Unheard unheard) : IArtifactNames
{
    public Task<Digest?> FindAsync(string name, CancellationToken ct = default) => unheard.CallAsync(inner.FindAsync(name, ct));

    public Task SetAsync(string name, Digest digest, CancellationToken ct = default) => unheard.CallAsync(inner.SetAsync(name, digest, ct));

    public Task<Digest> SetFirstAsync(string name, Digest digest, CancellationToken ct = default) => unheard.CallAsync(inner.SetFirstAsync(name, digest, ct));

    public Task RemoveAsync(string name, CancellationToken ct = default) => unheard.CallAsync(inner.RemoveAsync(name, ct));

    public Task RemoveAsync(string name, Digest digest, CancellationToken ct = default) =>
        unheard.CallAsync(inner.RemoveAsync(name, digest, ct));

    public IAsyncEnumerable<(string Name, Digest Digest)> ListAsync(string prefix, CancellationToken ct = default) =>
        inner.ListAsync(prefix, ct);
}

internal sealed class UnheardArtifacts(IArtifactStore inner, Unheard unheard) : IArtifactStore, IArtifactRemoval
{
    private readonly IArtifactRemoval removal = (IArtifactRemoval)inner;

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

    public IAsyncEnumerable<StoredArtifact> ListAsync(CancellationToken ct = default) => removal.ListAsync(ct);

    public Task RemoveAsync(Digest digest, CancellationToken ct = default) => unheard.CallAsync(removal.RemoveAsync(digest, ct));

    public Task RemoveUnfinishedAsync(TimeSpan age, CancellationToken ct = default) => removal.RemoveUnfinishedAsync(age, ct);
}

internal sealed class UnheardRecords(IGrainStorage inner, Unheard unheard) : IGrainStorage
{
    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var read = new GrainState<T>();
        await unheard.CallAsync(inner.ReadStateAsync(stateName, grainId, read));
        (grainState.State, grainState.ETag, grainState.RecordExists) = (read.State, read.ETag, read.RecordExists);
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        // Whoever hears nothing does not hear of the new tag either.
        var written = new GrainState<T>(grainState.State, grainState.ETag) { RecordExists = grainState.RecordExists };
        await unheard.CallAsync(inner.WriteStateAsync(stateName, grainId, written));
        (grainState.ETag, grainState.RecordExists) = (written.ETag, written.RecordExists);
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        unheard.CallAsync(inner.ClearStateAsync(stateName, grainId, grainState));
}
