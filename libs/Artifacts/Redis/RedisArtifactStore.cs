using System.Globalization;
using System.Runtime.CompilerServices;
using StackExchange.Redis;

namespace Fewshot.Artifacts.Redis;

/// <summary>
/// Artifacts in Redis, for small set-ups: one hash each, a field for each chunk and <c>size</c>, which is written last. They live in the
/// server's memory, so none may have more than <see cref="LargestBytes"/>.
/// </summary>
public sealed class RedisArtifactStore(RedisServer server, LocalCopies copies) : IArtifactStore, IArtifactRemoval
{
    /// <summary>Of one artifact.</summary>
    public const int LargestBytes = 64 << 20;

    internal const int ChunkBytes = 512 << 10;

    /// <summary>KEYS: all artifacts. ARGV: digits.</summary>
    private const string Announce = "return redis.call('ZADD', KEYS[1], redis.call('TIME')[1], ARGV[1])";

    /// <summary>KEYS: artifact, all artifacts. ARGV: size, digits.</summary>
    private const string Publish = """
        redis.call('HSET', KEYS[1], 'size', ARGV[1])
        redis.call('ZADD', KEYS[2], redis.call('TIME')[1], ARGV[2])
        return 1
        """;

    /// <summary>KEYS: artifact, all artifacts. ARGV: digits.</summary>
    private const string Remove = """
        redis.call('UNLINK', KEYS[1])
        redis.call('ZREM', KEYS[2], ARGV[1])
        return 1
        """;

    private static readonly RedisKey All = RedisServer.Prefix + "artifacts";

    /// <inheritdoc/>
    /// <exception cref="StoreFullException">It is too large for this store, or the server's memory is full; nothing was stored.</exception>
    public async Task<ArtifactInfo> PutAsync(Stream content, Digest? expected = null, CancellationToken ct = default)
    {
        var chunks = await ReadAsync(content, ct);
        using var hash = System.Security.Cryptography.IncrementalHash.CreateHash(System.Security.Cryptography.HashAlgorithmName.SHA256);
        chunks.ForEach(hash.AppendData);
        var digest = Digest.FromHash(hash.GetHashAndReset());
        if (expected is { } wanted && wanted != digest)
            throw new DigestMismatchException(wanted, digest);
        var (key, size) = (KeyOf(digest), chunks.Sum(chunk => (long)chunk.Length));
        try
        {
            // Listed from its first byte on: what is never finished is collected with what nobody needs.
            await server.EvaluateAsync(Announce, [All], [digest.Hex], ct: ct);
            for (var i = 0; i < chunks.Count; i++)
            {
                var (field, value) = (i, chunks[i]);
                await server.RunAsync(database => database.HashSetAsync(key, field, value), ct: ct);
            }

            await server.EvaluateAsync(Publish, [key, All], [size, digest.Hex], ct: ct);
        }
        catch (StoreFullException)
        {
            await RemovePartAsync(key);
            throw;
        }

        return new ArtifactInfo(digest, size);
    }

    /// <inheritdoc/>
    public async Task<Stream> OpenAsync(Digest digest, CancellationToken ct = default)
    {
        var info = await StatAsync(digest, ct) ?? throw new ArtifactNotFoundException(digest);
        return new VerifyingStream(new RedisArtifactStream(server, KeyOf(digest), info), digest);
    }

    /// <inheritdoc/>
    public async Task<ArtifactInfo?> StatAsync(Digest digest, CancellationToken ct = default)
    {
        var size = await server.RunAsync(database => database.HashGetAsync(KeyOf(digest), "size"), ct: ct);
        return size.IsNull ? null : new ArtifactInfo(digest, (long)size);
    }

    /// <inheritdoc/>
    public Task<string> MaterializeAsync(Digest digest, CancellationToken ct = default) => copies.GetAsync(digest, stop => OpenAsync(digest, stop), ct);

    /// <inheritdoc/>
    public async IAsyncEnumerable<StoredArtifact> ListAsync([EnumeratorCancellation] CancellationToken ct = default)
    {
        foreach (var entry in await server.RunAsync(database => database.SortedSetRangeByRankWithScoresAsync(All), ct: ct))
        {
            if (Digest.OfHex(entry.Element) is { } digest)
                yield return new StoredArtifact(digest, DateTimeOffset.FromUnixTimeSeconds((long)entry.Score));
        }
    }

    /// <inheritdoc/>
    public Task RemoveAsync(Digest digest, CancellationToken ct = default) => server.EvaluateAsync(Remove, [KeyOf(digest), All], [digest.Hex], ct: ct);

    private static RedisKey KeyOf(Digest digest) => RedisServer.Prefix + "artifact:" + digest.Hex;

    private static async Task<List<byte[]>> ReadAsync(Stream content, CancellationToken ct)
    {
        var chunks = new List<byte[]>();
        while (true)
        {
            var chunk = new byte[ChunkBytes];
            var count = await content.ReadAtLeastAsync(chunk, ChunkBytes, throwOnEndOfStream: false, ct);
            if (count > 0)
                chunks.Add(count == ChunkBytes ? chunk : chunk[..count]);
            if (((long)(chunks.Count - 1) * ChunkBytes) + count > LargestBytes)
                throw new StoreFullException(string.Create(CultureInfo.InvariantCulture, $"Artifacts in Redis have at most {LargestBytes} bytes each: larger networks need S3 (Fewshot:Artifacts)."));
            if (count < ChunkBytes)
                return chunks;
        }
    }

    /// <summary>Without its size nobody sees it, but it takes room.</summary>
    private async Task RemovePartAsync(RedisKey key)
    {
        try
        {
            await server.EvaluateAsync("if redis.call('HEXISTS', KEYS[1], 'size') == 0 then redis.call('UNLINK', KEYS[1]) end return 1", [key], [], once: true);
        }
        catch (Exception e) when (e is StoreUnavailableException or StoreFullException)
        {
            // The next put of the same bytes goes on with it.
        }
    }
}
