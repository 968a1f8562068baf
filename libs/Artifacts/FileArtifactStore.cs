using System.Buffers;
using System.Security.Cryptography;

namespace Fewshot.Artifacts;

/// <summary>Artifacts as files of one folder, named by their digest alone. Any number of processes may share the folder.</summary>
public sealed class FileArtifactStore(string folder) : IArtifactStore, IDisposable
{
    private const int ChunkBytes = 256 << 10;
    private readonly DurableFolder files = new(folder);

    /// <inheritdoc/>
    public async Task<ArtifactInfo> PutAsync(Stream content, Digest? expected = null, CancellationToken ct = default)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        try
        {
            return await files.WithTempAsync(async temp =>
            {
                int count;
                while ((count = await content.ReadAsync(buffer, ct)) > 0)
                {
                    hash.AppendData(buffer, 0, count);
                    await temp.WriteAsync(buffer.AsMemory(0, count), ct);
                }

                var actual = Digest.FromHash(hash.GetHashAndReset());
                if (expected is { } wanted && wanted != actual)
                    throw new DigestMismatchException(wanted, actual);
                var info = new ArtifactInfo(actual, temp.Position);
                // Also where the name is taken: what is there may be damaged, these bytes are not.
                files.Publish(temp, actual.Hex);
                return info;
            });
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
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
    public void Dispose() => files.Dispose();

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
