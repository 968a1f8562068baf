using System.Runtime.CompilerServices;
using StackExchange.Redis;

namespace Fewshot.Artifacts.Redis;

/// <summary>Names as fields of one hash in Redis.</summary>
public sealed class RedisArtifactNames(RedisServer server) : IArtifactNames
{
    private static readonly RedisKey Key = RedisServer.Prefix + "names";

    /// <inheritdoc/>
    public Task SetAsync(string name, Digest digest, CancellationToken ct = default) =>
        server.RunAsync(database => database.HashSetAsync(Key, name, digest.ToString()), ct: ct);

    /// <inheritdoc/>
    public Task RemoveAsync(string name, CancellationToken ct = default) => server.RunAsync(database => database.HashDeleteAsync(Key, name), ct: ct);

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
