using System.Runtime.CompilerServices;
using StackExchange.Redis;

namespace Fewshot.Artifacts.Redis;

/// <summary>Names as fields of one hash in Redis.</summary>
public sealed class RedisArtifactNames(RedisServer server) : IArtifactNames
{
    /// <summary>KEYS: all names. ARGV: name, digest. The digest that has the name now; a damaged one is replaced.</summary>
    private const string SetFirst = """
        local taken = redis.call('HGET', KEYS[1], ARGV[1])
        if taken and #taken == #ARGV[2] and string.match(taken, '^sha256:[0-9a-f]+$') then return taken end
        redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
        return ARGV[2]
        """;

    /// <summary>KEYS: all names. ARGV: name, digest.</summary>
    private const string RemoveFrom = """
        if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[1], ARGV[1]) end
        return 1
        """;

    private static readonly RedisKey Key = RedisServer.Prefix + "names";

    /// <inheritdoc/>
    public async Task<Digest?> FindAsync(string name, CancellationToken ct = default) =>
        Digest.TryParse(await server.RunAsync(database => database.HashGetAsync(Key, name), ct: ct), out var digest) ? digest : null;

    /// <inheritdoc/>
    public Task SetAsync(string name, Digest digest, CancellationToken ct = default) =>
        server.RunAsync(database => database.HashSetAsync(Key, name, digest.ToString()), ct: ct);

    /// <inheritdoc/>
    public async Task<Digest> SetFirstAsync(string name, Digest digest, CancellationToken ct = default) =>
        Digest.Parse((string?)await server.EvaluateAsync(SetFirst, [Key], [name, digest.ToString()], ct: ct));

    /// <inheritdoc/>
    public Task RemoveAsync(string name, CancellationToken ct = default) => server.RunAsync(database => database.HashDeleteAsync(Key, name), ct: ct);

    /// <inheritdoc/>
    public Task RemoveAsync(string name, Digest digest, CancellationToken ct = default) =>
        server.EvaluateAsync(RemoveFrom, [Key], [name, digest.ToString()], ct: ct);

    /// <inheritdoc/>
    public async IAsyncEnumerable<(string Name, Digest Digest)> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken ct = default)
    {
        foreach (var entry in await server.RunAsync(database => database.HashGetAllAsync(Key), ct: ct))
        {
            if (entry.Name.ToString().StartsWith(prefix, StringComparison.Ordinal) && Digest.TryParse(entry.Value, out var digest))
                yield return (entry.Name.ToString(), digest);
        }
    }
}
