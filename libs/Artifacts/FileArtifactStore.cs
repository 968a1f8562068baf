using System.Buffers;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;

namespace Fewshot.Artifacts;

/// <summary>Artifacts as files of one folder, named by their digest alone. Any number of processes may share the folder.</summary>
public sealed class FileArtifactStore(string folder) : IArtifactStore, IArtifactRemoval, IDisposable
{
    private const int ChunkBytes = 1 << 20, FlushBytes = 16 << 20;
    private readonly DurableFolder files = new(folder);

    /// <inheritdoc/>
    public async Task<ArtifactInfo> PutAsync(Stream content, Digest? expected = null, CancellationToken ct = default)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        return await files.WithTempAsync(async temp =>
        {
            await CopyAsync(content, temp, hash, ct);
            var actual = Digest.FromHash(hash.GetHashAndReset());
            if (expected is { } wanted && wanted != actual)
                throw new DigestMismatchException(wanted, actual);
            var info = new ArtifactInfo(actual, temp.Position);
            // Also where the name is taken: what is there may be damaged, these bytes are not.
            files.Publish(temp, actual.Hex);
            return info;
        });
    }

    /// <inheritdoc/>
    public Task<Stream> OpenAsync(Digest digest, CancellationToken ct = default) => Task.FromResult<Stream>(new VerifyingStream(OpenFile(digest), digest));

    /// <inheritdoc/>
    public Task<ArtifactInfo?> StatAsync(Digest digest, CancellationToken ct = default)
    {
        var file = new FileInfo(files.PathOf(digest.Hex));
        return Task.FromResult(file.Exists ? new ArtifactInfo(digest, file.Length) : null);
    }

    /// <inheritdoc/>
    public async Task<string> MaterializeAsync(Digest digest, CancellationToken ct = default)
    {
        var stream = await OpenAsync(digest, ct);
        await using (stream)
            await stream.CopyToAsync(Stream.Null, ChunkBytes, ct);
        return files.PathOf(digest.Hex);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<StoredArtifact> ListAsync([EnumeratorCancellation] CancellationToken ct = default)
    {
        await Task.CompletedTask;
        foreach (var name in files.Names("*"))
        {
            ct.ThrowIfCancellationRequested();
            var file = new FileInfo(files.PathOf(name));
            if (Digest.OfHex(name) is { } digest && file.Exists)
                yield return new StoredArtifact(digest, new DateTimeOffset(file.LastWriteTimeUtc));
        }
    }

    /// <inheritdoc/>
    public Task RemoveAsync(Digest digest, CancellationToken ct = default)
    {
        File.Delete(files.PathOf(digest.Hex));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public void Dispose() => files.Dispose();

    /// <summary>Each piece is hashed while it is written and the next one is read.</summary>
    private static async Task CopyAsync(Stream content, FileStream temp, IncrementalHash hash, CancellationToken ct)
    {
        var (buffer, other) = (ArrayPool<byte>.Shared.Rent(ChunkBytes), ArrayPool<byte>.Shared.Rent(ChunkBytes));
        var hashing = Task.CompletedTask;
        try
        {
            int count;
            while ((count = await content.ReadAtLeastAsync(buffer.AsMemory(0, ChunkBytes), ChunkBytes, throwOnEndOfStream: false, ct)) > 0)
            {
                await hashing;
                var (piece, length) = (buffer, count);
                hashing = Task.Run(() => hash.AppendData(piece, 0, length), CancellationToken.None);
                // Into the page cache, which takes less than handing it to another thread.
                temp.Write(piece, 0, length);
                if (temp.Position % FlushBytes == 0)
                    DurableFolder.BeginFlush(temp, temp.Position - FlushBytes, FlushBytes);
                (buffer, other) = (other, buffer);
            }
        }
        finally
        {
            await hashing;
            ArrayPool<byte>.Shared.Return(buffer);
            ArrayPool<byte>.Shared.Return(other);
        }
    }

    private FileStream OpenFile(Digest digest)
    {
        try
        {
            return new FileStream(files.PathOf(digest.Hex), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ArtifactNotFoundException(digest);
        }
    }
}
