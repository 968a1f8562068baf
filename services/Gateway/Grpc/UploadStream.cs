using System.Diagnostics;
using Fewshot.Artifacts.V1;
using Fewshot.ServiceDefaults;
using Google.Protobuf;
using Grpc.Core;

namespace Fewshot.Gateway.Grpc;

/// <summary>The chunks of an upload as a stream that ends after exactly the announced size, or throws.</summary>
internal sealed class UploadStream(IAsyncStreamReader<UploadArtifactRequest> chunks, long sizeBytes, ArtifactTransfer transfer) : Stream
{
    /// <summary>Largest chunk, bytes.</summary>
    public const int MaxChunkBytes = 1 << 20;

    private ReadOnlyMemory<byte> left = ByteString.Empty.Memory;
    private long received;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => sizeBytes;

    public override long Position
    {
        get => received - left.Length;
        set => throw new NotSupportedException("An upload is read in order.");
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (left.IsEmpty)
        {
            var begun = Stopwatch.GetTimestamp();
            var more = await chunks.MoveNext(cancellationToken);
            transfer.Waited(Stopwatch.GetElapsedTime(begun), more ? chunks.Current.Chunk.Length : 0);
            if (!more)
            {
                return received == sizeBytes
                    ? 0
                    : throw new InvalidFieldException("header.size_bytes", $"{sizeBytes} bytes were announced, {received} came.");
            }

            if (chunks.Current.PartCase != UploadArtifactRequest.PartOneofCase.Chunk)
                throw new InvalidFieldException("part", "every message after the first must carry a chunk.");
            left = chunks.Current.Chunk.Memory;
            if (left.Length > MaxChunkBytes)
                throw new InvalidFieldException("chunk", $"holds {left.Length} bytes; at most {MaxChunkBytes} are accepted.");
            if ((received += left.Length) > sizeBytes)
                throw new InvalidFieldException("header.size_bytes", $"{sizeBytes} bytes were announced, more came.");
        }

        var count = Math.Min(left.Length, buffer.Length);
        left[..count].CopyTo(buffer);
        left = left[count..];
        return count;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("An upload arrives asynchronously.");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("An upload is read in order.");

    public override void SetLength(long value) => throw new NotSupportedException("An upload is only read.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("An upload is only read.");
}
