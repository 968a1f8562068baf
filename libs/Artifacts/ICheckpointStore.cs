namespace Fewshot.Artifacts;

/// <summary>Where a long computation leaves its state. Synchronous, for use inside training threads.</summary>
public interface ICheckpointStore
{
    /// <summary>
    /// The newest complete checkpoint, seekable; null where the computation starts from the beginning. The caller disposes it.
    /// </summary>
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

/// <summary>
/// Checkpoints as artifacts, the newest one found by a name. Where two processes are at the same computation the one that saved last is
/// taken for the newest, and either will do.
/// </summary>
public sealed class NamedCheckpointStore(IArtifactStore artifacts, IArtifactNames names, string name) : ICheckpointStore
{
    /// <inheritdoc/>
    public Stream? OpenNewest()
    {
        if (names.FindAsync(name).GetAwaiter().GetResult() is not { } digest)
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
    public void Save(Action<Stream> write)
    {
        try
        {
            var info = artifacts.Put(write);
            names.SetAsync(name, info.Digest).GetAwaiter().GetResult();
        }
        catch (StoreUnavailableException)
        {
            // The one before stays the newest, and the work goes on: it must not end because a store is away for a while.
        }
    }
}
