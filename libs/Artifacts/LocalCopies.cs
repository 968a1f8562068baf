using System.Security.Cryptography;

namespace Fewshot.Artifacts;

/// <summary>
/// Local files of artifacts that are kept elsewhere. A copy is hashed each time it is asked for; the ones asked for longest ago go when all
/// together grow beyond the bound, unless they may still be in use. Any number of processes may share the folder.
/// </summary>
/// <param name="folder">A folder of its own.</param>
/// <param name="maxBytes">The bound; a single larger artifact is copied all the same.</param>
/// <param name="inUse">How long a copy is safe after it was asked for; 10 min when null.</param>
public sealed class LocalCopies(string folder, long maxBytes, TimeSpan? inUse = null) : IDisposable
{
    private const int ChunkBytes = 256 << 10;
    private readonly DurableFolder files = new(folder);
    private readonly SemaphoreSlim[] gates = [.. Enumerable.Range(0, 16).Select(_ => new SemaphoreSlim(1))];

    /// <summary>The path of a verified copy, made when there is none.</summary>
    /// <param name="digest">The artifact.</param>
    /// <param name="open">Opens the original, as a stream that verifies itself.</param>
    /// <param name="ct">Stops the copying.</param>
    public async Task<string> GetAsync(Digest digest, Func<CancellationToken, Task<Stream>> open, CancellationToken ct)
    {
        // One copy at a time of one artifact.
        var gate = gates[Convert.ToInt32(digest.Hex[..1], 16)];
        await gate.WaitAsync(ct);
        try
        {
            var path = files.PathOf(digest.Hex);
            if (await IsWholeAsync(path, digest, ct))
                return path;
            var original = await open(ct);
            await using (original)
            {
                MakeRoom(original.Length);
                return await files.WithTempAsync(async temp =>
                {
                    await original.CopyToAsync(temp, ChunkBytes, ct);
                    return Keep(temp, digest);
                });
            }
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>Writes a stream of unknown digest to a file, lets that be stored, and keeps it as the copy.</summary>
    internal Task<ArtifactInfo> SpoolAsync(ReadOnlyMemory<byte> first, Stream rest, Func<Digest, Stream, Task<ArtifactInfo>> store, CancellationToken ct) => files.WithTempAsync(async temp =>
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(first.Span);
        await temp.WriteAsync(first, ct);
        var buffer = new byte[ChunkBytes];
        int count;
        while ((count = await rest.ReadAsync(buffer, ct)) > 0)
        {
            hash.AppendData(buffer, 0, count);
            await temp.WriteAsync(buffer.AsMemory(0, count), ct);
        }

        var digest = Digest.FromHash(hash.GetHashAndReset());
        var reader = new FileStream(temp.Name, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        await using (reader)
        {
            var info = await store(digest, reader);
            MakeRoom(info.SizeBytes);
            Keep(temp, digest);
            return info;
        }
    });

    /// <inheritdoc/>
    public void Dispose()
    {
        files.Dispose();
        foreach (var gate in gates)
            gate.Dispose();
    }

    /// <summary>Not flushed: what a power cut spoils is found out by its hash.</summary>
    private string Keep(FileStream temp, Digest digest)
    {
        var path = files.PathOf(digest.Hex);
        File.Move(temp.Name, path, overwrite: true);
        return path;
    }

    private static async Task<bool> IsWholeAsync(string path, Digest digest, CancellationToken ct)
    {
        try
        {
            var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, ChunkBytes);
            await using (file)
            {
                // Before the hashing, which takes a while in which nobody must take it away.
                File.SetLastWriteTimeUtc(path, DateTime.UtcNow);
                if (await Digest.OfAsync(file, ct) == digest)
                    return true;
            }

            File.Delete(path);
            return false;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
    }

    private void MakeRoom(long wanted)
    {
        var copies = files.Names("*").Select(name => new FileInfo(files.PathOf(name))).Where(file => file.Exists).OrderBy(file => file.LastWriteTimeUtc).ToList();
        var total = copies.Sum(file => file.Length) + wanted;
        var safe = DateTime.UtcNow - (inUse ?? TimeSpan.FromMinutes(10));
        foreach (var copy in copies.TakeWhile(copy => copy.LastWriteTimeUtc < safe))
        {
            if (total <= maxBytes)
                return;
            total -= copy.Length;
            copy.Delete();
        }
    }
}
