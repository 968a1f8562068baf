using System.Security.Cryptography;

namespace Fewshot.Artifacts;

/// <summary>
/// Reads a stream forward and, at its end, compares what was read with the digest it should have: before it gives the last piece. Reads one piece
/// ahead and hashes beside who takes the present one, so that this costs no time of its own where there is a core to do it.
/// </summary>
public sealed class VerifyingStream : Stream
{
    private const int LargestPiece = 512 << 10;
    private readonly IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly CancellationTokenSource disposed = new();
    private readonly Stream inner;
    private readonly Digest digest;
    private byte[] piece = [], spare;
    private int used, filled;
    private long position;
    private bool verified;
    private Task<int>? ahead;
    private Task hashing = Task.CompletedTask;

    /// <summary>Takes the inner stream over.</summary>
    /// <param name="inner">At its beginning, of known length.</param>
    /// <param name="digest">What it should hash to.</param>
    public VerifyingStream(Stream inner, Digest digest)
    {
        (this.inner, this.digest) = (inner, digest);
        // One byte more than a small artifact has: then its end is seen at once.
        spare = new byte[Math.Min(inner.Length + 1, LargestPiece)];
    }

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
        get => position;
        set => throw new NotSupportedException("A verified artifact is read in order.");
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty || (used == filled && !NextAsync(CancellationToken.None).GetAwaiter().GetResult()))
            return 0;
        return Take(buffer);
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty || (used == filled && !await NextAsync(cancellationToken)))
            return 0;
        return Take(buffer.Span);
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
        if (disposing && !disposed.IsCancellationRequested)
        {
            disposed.Cancel();
            // What reads ahead must not be left with a closed stream, nor what hashes without its hash.
            Task.WhenAll(ahead ?? Task.CompletedTask, hashing).ContinueWith(_ => { }, TaskScheduler.Default).Wait();
            inner.Dispose();
            hash.Dispose();
            disposed.Dispose();
        }

        base.Dispose(disposing);
    }

    private int Take(Span<byte> buffer)
    {
        var count = Math.Min(buffer.Length, filled - used);
        piece.AsSpan(used, count).CopyTo(buffer);
        used += count;
        position += count;
        return count;
    }

    /// <summary>Makes the next piece the present one; false at the end, once it is verified.</summary>
    private async Task<bool> NextAsync(CancellationToken ct)
    {
        if (verified)
            return false;
        ahead ??= Task.Run(() => FillAsync(spare));
        filled = await ahead.WaitAsync(ct);
        await hashing.WaitAsync(ct);
        used = 0;
        (piece, spare) = (spare, piece);
        if (filled < piece.Length)
        {
            hash.AppendData(piece, 0, filled);
            var actual = Digest.FromHash(hash.GetCurrentHash());
            if (actual != digest)
                throw new DataLossException($"The stored bytes of artifact {digest} are damaged: they hash to {actual}.");
            verified = true;
            return filled > 0;
        }

        if (spare.Length == 0)
            spare = new byte[piece.Length];
        var (present, next) = (piece, spare);
        hashing = Task.Run(() => hash.AppendData(present), CancellationToken.None);
        ahead = Task.Run(() => FillAsync(next), CancellationToken.None);
        return true;
    }

    /// <summary>A file's asynchronous reads would only hand it to yet another thread.</summary>
    private async Task<int> FillAsync(byte[] target) => inner is FileStream
        ? inner.ReadAtLeast(target, target.Length, throwOnEndOfStream: false)
        : await inner.ReadAtLeastAsync(target, target.Length, throwOnEndOfStream: false, disposed.Token);
}
