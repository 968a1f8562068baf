namespace Fewshot.Artifacts;

/// <summary>A stored artifact.</summary>
public sealed record ArtifactInfo(Digest Digest, long SizeBytes);

/// <summary>Immutable bytes by their SHA-256. Putting what is there already changes nothing, so every put may be repeated.</summary>
public interface IArtifactStore
{
    /// <summary>Stores a stream from its position to its end. The artifact is visible only when it is whole and durable.</summary>
    /// <param name="content">Read once, in order.</param>
    /// <param name="expected">What the bytes must hash to; null takes any.</param>
    /// <param name="ct">Stops the put; nothing is left behind.</param>
    /// <exception cref="DigestMismatchException">The bytes hash to something else; nothing was stored.</exception>
    /// <exception cref="StoreFullException">No space left; nothing was stored.</exception>
    Task<ArtifactInfo> PutAsync(Stream content, Digest? expected = null, CancellationToken ct = default);

    /// <summary>
    /// Opens an artifact for reading once, in order. The hash is checked when the last byte is read: bytes read so far are trustworthy only
    /// once a read has returned 0.
    /// </summary>
    /// <exception cref="ArtifactNotFoundException">There is none.</exception>
    /// <exception cref="DataLossException">Thrown by the last read: the stored bytes are damaged.</exception>
    Task<Stream> OpenAsync(Digest digest, CancellationToken ct = default);

    /// <summary>Size of an artifact; null where there is none. Its bytes are not read.</summary>
    Task<ArtifactInfo?> StatAsync(Digest digest, CancellationToken ct = default);

    /// <summary>The path of a local file with the artifact's bytes, verified just now, for reading only.</summary>
    /// <exception cref="ArtifactNotFoundException">There is none.</exception>
    /// <exception cref="DataLossException">The stored bytes are damaged.</exception>
    Task<string> MaterializeAsync(Digest digest, CancellationToken ct = default);
}

/// <summary>An artifact as a collection of garbage sees it.</summary>
/// <param name="Digest">Its name.</param>
/// <param name="LastPut">When it was put for the last time, by the store's clock.</param>
public sealed record StoredArtifact(Digest Digest, DateTimeOffset LastPut);

/// <summary>What a collection of garbage needs of a store.</summary>
public interface IArtifactRemoval
{
    /// <summary>Every artifact, in no order.</summary>
    IAsyncEnumerable<StoredArtifact> ListAsync(CancellationToken ct = default);

    /// <summary>Removes an artifact, and nothing where there is none.</summary>
    Task RemoveAsync(Digest digest, CancellationToken ct = default);

    /// <summary>Removes what puts left behind that were begun this long ago and never ended, where the store keeps such things apart from artifacts.</summary>
    Task RemoveUnfinishedAsync(TimeSpan age, CancellationToken ct = default) => Task.CompletedTask;
}

/// <summary>Artifacts small enough for memory.</summary>
public static class ArtifactStoreExtensions
{
    /// <summary>Stores bytes and returns their digest.</summary>
    public static async Task<Digest> PutBytesAsync(this IArtifactStore store, ReadOnlyMemory<byte> content, CancellationToken ct = default)
    {
        using var stream = System.Runtime.InteropServices.MemoryMarshal.TryGetArray(content, out var array)
            ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
            : new MemoryStream(content.ToArray(), writable: false);
        return (await store.PutAsync(stream, expected: null, ct)).Digest;
    }

    /// <summary>Reads a whole, verified artifact.</summary>
    /// <exception cref="InvalidDataException">It is larger than <paramref name="maxBytes"/>.</exception>
    /// <exception cref="ArtifactNotFoundException">There is none.</exception>
    /// <exception cref="DataLossException">The stored bytes are damaged.</exception>
    public static async Task<byte[]> ReadBytesAsync(this IArtifactStore store, Digest digest, int maxBytes = 64 << 20, CancellationToken ct = default)
    {
        var info = await store.StatAsync(digest, ct) ?? throw new ArtifactNotFoundException(digest);
        if (info.SizeBytes > maxBytes)
            throw new InvalidDataException($"Artifact {digest} has {info.SizeBytes} bytes; at most {maxBytes} were expected here.");
        var stream = await store.OpenAsync(digest, ct);
        await using (stream)
        {
            using var memory = new MemoryStream((int)info.SizeBytes);
            await stream.CopyToAsync(memory, ct);
            return memory.TryGetBuffer(out var buffer) && buffer.Count == buffer.Array!.Length ? buffer.Array : memory.ToArray();
        }
    }
}
