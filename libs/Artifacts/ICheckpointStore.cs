namespace Fewshot.Artifacts;

/// <summary>Where a long computation leaves its state. Synchronous, for use inside training threads.</summary>
public interface ICheckpointStore
{
    /// <summary>The newest complete checkpoint, seekable; null where the computation starts from the beginning. The caller disposes it.</summary>
    Stream? OpenNewest();

    /// <summary>Saves what the callback writes as the newest checkpoint; all of it or, when the callback throws, nothing.</summary>
    void Save(Action<Stream> write);
}

/// <summary>One checkpoint in memory, for computations outside any step.</summary>
public sealed class MemoryCheckpointStore : ICheckpointStore
{
    private volatile byte[]? newest;

    /// <inheritdoc/>
    public Stream? OpenNewest() => newest is { } bytes ? new MemoryStream(bytes, writable: false) : null;

    /// <inheritdoc/>
    public void Save(Action<Stream> write)
    {
        using var stream = new MemoryStream();
        write(stream);
        newest = stream.ToArray();
    }
}

/// <summary>Checkpoints of a leased step: artifacts, the newest one named by the ledger.</summary>
public sealed class LedgerCheckpointStore(IArtifactStore artifacts, IStepLedger ledger, IStepLease lease) : ICheckpointStore
{
    /// <inheritdoc/>
    public Stream? OpenNewest()
    {
        if (ledger.FindCheckpointAsync(lease.Key, CancellationToken.None).GetAwaiter().GetResult() is not { } digest)
            return null;
        try
        {
            return File.OpenRead(artifacts.MaterializeAsync(digest).GetAwaiter().GetResult());
        }
        catch (Exception e) when (e is ArtifactNotFoundException or DataLossException)
        {
            // A checkpoint saves time, nothing else: without it the step starts from the beginning.
            return null;
        }
    }

    /// <inheritdoc/>
    /// <exception cref="LeaseLostException">Another worker has taken the step over; what this one computes is of no use any more.</exception>
    public void Save(Action<Stream> write)
    {
        try
        {
            var info = artifacts.Put(write);
            ledger.SetCheckpointAsync(lease, info.Digest, CancellationToken.None).GetAwaiter().GetResult();
        }
        catch (StoreUnavailableException)
        {
            // The one before stays the newest, and the work goes on: it must not end because a store is away for a while.
        }
    }
}
