namespace Fewshot.Artifacts;

/// <summary>A stored artifact that comes from another machine: read once, in order, waiting for it; never written.</summary>
internal abstract class RemoteStream : Stream
{
    /// <summary>Bytes read so far.</summary>
    protected long Offset { get; set; }

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Position
    {
        get => Offset;
        set => throw new NotSupportedException("An artifact is read in order.");
    }

    public abstract override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default);

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
