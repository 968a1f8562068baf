using System.Globalization;
using Fewshot.Artifacts;
using Fewshot.Artifacts.Redis;
using StackExchange.Redis;

namespace Fewshot.Gateway.Tenants;

/// <summary>
/// Grants in Redis: a hash for each tenant, from digest to the bytes an upload counts, with their sum, and the set of the tenants that have one.
/// A server that lost its memory shows a tenant its jobs' artifacts when it asks for the jobs, and uploads when they come again.
/// </summary>
public sealed class RedisArtifactGrants(RedisServer server) : IArtifactGrants
{
    private const int Batch = 500;
    private const string Sum = "bytes";

    /// <summary>KEYS: grants, tenants. ARGV: tenant, digests.</summary>
    private const string Add = """
        redis.call('SADD', KEYS[2], ARGV[1])
        for i = 2, #ARGV do redis.call('HSETNX', KEYS[1], ARGV[i], 0) end
        return 1
        """;

    /// <summary>KEYS: grants, tenants. ARGV: tenant, digest, bytes, limit or nothing. Whether it was within the limit.</summary>
    private const string AddUpload = """
        local counted = tonumber(redis.call('HGET', KEYS[1], ARGV[2]) or 0)
        if counted > 0 then return 1 end
        local sum = tonumber(redis.call('HGET', KEYS[1], 'bytes') or 0)
        if ARGV[4] ~= '' and sum + ARGV[3] > tonumber(ARGV[4]) then return 0 end
        redis.call('SADD', KEYS[2], ARGV[1])
        redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
        redis.call('HINCRBY', KEYS[1], 'bytes', ARGV[3])
        return 1
        """;

    /// <summary>KEYS: grants. ARGV: digests.</summary>
    private const string Remove = """
        for i = 1, #ARGV do
          local counted = redis.call('HGET', KEYS[1], ARGV[i])
          if counted then
            redis.call('HDEL', KEYS[1], ARGV[i])
            if counted ~= '0' then redis.call('HINCRBY', KEYS[1], 'bytes', -counted) end
          end
        end
        return 1
        """;

    private static readonly RedisKey Tenants = RedisServer.Prefix + "grants";

    /// <inheritdoc/>
    public Task<bool> HasAsync(string tenant, Digest digest, CancellationToken ct = default) =>
        server.RunAsync(database => database.HashExistsAsync(KeyOf(tenant), digest.Hex), ct: ct);

    /// <inheritdoc/>
    public async Task AddAsync(string tenant, IReadOnlyCollection<Digest> digests, CancellationToken ct = default)
    {
        foreach (var some in digests.Chunk(Batch))
            await server.EvaluateAsync(Add, [KeyOf(tenant), Tenants], [tenant, .. some.Select(digest => (RedisValue)digest.Hex)], ct: ct);
    }

    /// <inheritdoc/>
    public async Task<bool> AddUploadAsync(string tenant, Digest digest, long sizeBytes, long? limit, CancellationToken ct = default) => (bool)await server.EvaluateAsync(
        AddUpload, [KeyOf(tenant), Tenants], [tenant, digest.Hex, sizeBytes, limit?.ToString(CultureInfo.InvariantCulture) ?? ""], ct: ct);

    /// <inheritdoc/>
    public async Task<long> UploadedBytesAsync(string tenant, CancellationToken ct = default) =>
        (long)await server.RunAsync(database => database.HashGetAsync(KeyOf(tenant), Sum), ct: ct);

    /// <inheritdoc/>
    public async Task RemoveAsync(IReadOnlySet<Digest> gone, CancellationToken ct = default)
    {
        foreach (var tenant in await server.RunAsync(database => database.SetMembersAsync(Tenants), ct: ct))
        {
            foreach (var some in gone.Chunk(Batch))
                await server.EvaluateAsync(Remove, [KeyOf(tenant.ToString())], [.. some.Select(digest => (RedisValue)digest.Hex)], ct: ct);
        }
    }

    private static RedisKey KeyOf(string tenant) => RedisServer.Prefix + "grants:" + tenant;
}
