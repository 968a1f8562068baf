using System.Security.Cryptography;

namespace Fewshot.Artifacts;

/// <summary>Reads a stream forward and, at its end, compares what was read with the digest it should have.</summary>
public sealed class VerifyingStream(Stream inner, Digest digest) : Stream
{
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private bool verified;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => inner.Length;

    /// <inheritdoc/>
    public override long Position
    {
        get => inner.Position;
        set => throw new NotSupportedException("A verified artifact is read in order.");
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        var count = inner.Read(buffer);
        Check(buffer[..count], atEnd: count == 0 && !buffer.IsEmpty);
        return count;
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var count = await inner.ReadAsync(buffer, cancellationToken);
        Check(buffer.Span[..count], atEnd: count == 0 && !buffer.IsEmpty);
        return count;
    }

    /// <inheritdoc/>
    public override void Flush()
    {
    }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("A verified artifact is read in order.");

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException("Artifacts do not change.");

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("Artifacts do not change.");

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
            hash.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Check(ReadOnlySpan<byte> read, bool atEnd)
    {
        hash.AppendData(read);
        if (!atEnd || verified)
            return;
        var actual = Digest.FromHash(hash.GetCurrentHash());
        if (actual != digest)
            throw new DataLossException($"The stored bytes of artifact {digest} are damaged: they hash to {actual}.");
        verified = true;
    }
}
