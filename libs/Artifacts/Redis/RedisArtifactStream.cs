using StackExchange.Redis;

namespace Fewshot.Artifacts.Redis;

/// <summary>The chunks of an artifact in Redis, one in memory at a time.</summary>
internal sealed class RedisArtifactStream(RedisServer server, RedisKey key, ArtifactInfo info) : Stream
{
    private byte[] chunk = [];
    private int used, next;
    private long position;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => info.SizeBytes;

    public override long Position
    {
        get => position;
        set => throw new NotSupportedException("An artifact is read in order.");
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (position == info.SizeBytes)
            return 0;
        if (used == chunk.Length)
        {
            var field = next++;
            byte[]? value = await server.RunAsync(database => database.HashGetAsync(key, field), ct: cancellationToken);
            if (value is null or [])
                throw new DataLossException($"The stored bytes of artifact {info.Digest} are damaged: a chunk is missing.");
            (chunk, used) = (value, 0);
        }

        var count = (int)Math.Min(Math.Min(buffer.Length, chunk.Length - used), info.SizeBytes - position);
        chunk.AsMemory(used, count).CopyTo(buffer);
        used += count;
        position += count;
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("An artifact is read in order.");

    public override void SetLength(long value) => throw new NotSupportedException("Artifacts do not change.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("Artifacts do not change.");
}
