using StackExchange.Redis;

namespace Fewshot.Artifacts.Redis;

/// <summary>The chunks of an artifact in Redis, one in memory at a time.</summary>
internal sealed class RedisArtifactStream(RedisServer server, RedisKey key, ArtifactInfo info) : RemoteStream
{
    private byte[] chunk = [];
    private int used, next;

    public override long Length => info.SizeBytes;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (Offset == info.SizeBytes)
            return 0;
        if (used == chunk.Length)
        {
            var field = next++;
            byte[]? value = await server.RunAsync(database => database.HashGetAsync(key, field), ct: cancellationToken);
            if (value is null or [])
                throw new DataLossException($"The stored bytes of artifact {info.Digest} are damaged: a chunk is missing.");
            (chunk, used) = (value, 0);
        }

        var count = (int)Math.Min(Math.Min(buffer.Length, chunk.Length - used), info.SizeBytes - Offset);
        chunk.AsMemory(used, count).CopyTo(buffer);
        used += count;
        Offset += count;
        return count;
    }
}
