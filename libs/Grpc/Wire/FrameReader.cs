using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using Grpc.Core;

namespace Grpc.Wire;

/// <summary>Parses frames from a pipe and deserialises their payloads in place.</summary>
/// <param name="pipe">The body.</param>
/// <param name="limit">Largest payload in bytes, both as sent and unpacked; null: none.</param>
/// <param name="encoding">The peer's <c>grpc-encoding</c>, or null.</param>
internal sealed class FrameReader(PipeReader pipe, int? limit, string? encoding) : DeserializationContext
{
    private ReadOnlySequence<byte> _payload;

    public override int PayloadLength => checked((int)_payload.Length);

    public override byte[] PayloadAsNewBuffer() => _payload.ToArray();

    public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => _payload;

    public static RpcException TooLarge(string what, int limit) =>
        new(new Status(StatusCode.ResourceExhausted, $"{what} exceeds the maximum of {limit} bytes."));

    /// <summary>The next message; (false, default) at the end of the body.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED, UNIMPLEMENTED (unknown encoding) or INTERNAL (broken frame).</exception>
    public async ValueTask<(bool Found, T? Message)> ReadAsync<T>(Func<DeserializationContext, T> deserializer, CancellationToken cancellation)
    {
        while (true)
        {
            var result = await pipe.ReadAsync(cancellation);
            if (result.IsCanceled)
                throw new OperationCanceledException(cancellation);
            var buffer = result.Buffer;
            var consumed = buffer.Start;
            var examined = buffer.End;
            try
            {
                if (TryReadFrame(buffer, out var compressed, out var payload))
                {
                    consumed = examined = payload.End;
                    return (true, Deserialize(payload, compressed, deserializer));
                }

                if (result.IsCompleted)
                {
                    if (!buffer.IsEmpty)
                        throw Broken("The stream ended inside a message.");
                    return (false, default);
                }
            }
            finally
            {
                pipe.AdvanceTo(consumed, examined);
            }
        }
    }

    /// <summary>The only message of the body.</summary>
    /// <exception cref="RpcException">INTERNAL when there is none or a second one, else as <see cref="ReadAsync"/>.</exception>
    public async ValueTask<T> ReadSingleAsync<T>(Func<DeserializationContext, T> deserializer, CancellationToken cancellation)
    {
        var (found, message) = await ReadAsync(deserializer, cancellation);
        if (!found)
            throw Broken("Incomplete message.");
        var end = await pipe.ReadAsync(cancellation);
        while (end is { IsCompleted: false, IsCanceled: false, Buffer.IsEmpty: true })
        {
            pipe.AdvanceTo(end.Buffer.End);
            end = await pipe.ReadAsync(cancellation);
        }

        var extra = !end.Buffer.IsEmpty;
        pipe.AdvanceTo(end.Buffer.End);
        return extra ? throw Broken("Additional data after the message received.") : message!;
    }

    /// <summary>Says in a trailer, too, what is supported, as the protocol asks.</summary>
    private static RpcException UnknownEncoding(string encoding) => new(
        new Status(StatusCode.Unimplemented, $"Unsupported grpc-encoding value '{encoding}'. Supported encodings: {Headers.Supported}"),
        new Metadata { { Headers.AcceptEncoding, Headers.Supported } });

    private static RpcException Broken(string detail) => new(new Status(StatusCode.Internal, detail));

    private bool TryReadFrame(ReadOnlySequence<byte> buffer, out bool compressed, out ReadOnlySequence<byte> payload)
    {
        compressed = false;
        payload = default;
        if (buffer.Length < Headers.FrameHeader)
            return false;
        Span<byte> header = stackalloc byte[Headers.FrameHeader];
        buffer.Slice(0, Headers.FrameHeader).CopyTo(header);
        if (header[0] > 1)
            throw Broken($"Unexpected compressed flag {header[0]} in a message header.");
        compressed = header[0] == 1;
        var length = BinaryPrimitives.ReadUInt32BigEndian(header[1..]);
        if (length > (limit ?? int.MaxValue))
            throw TooLarge($"Received message of {length} bytes", limit ?? int.MaxValue);
        if (buffer.Length - Headers.FrameHeader < length)
            return false;
        payload = buffer.Slice(Headers.FrameHeader, length);
        return true;
    }

    private T Deserialize<T>(ReadOnlySequence<byte> payload, bool compressed, Func<DeserializationContext, T> deserializer)
    {
        using var plain = compressed ? new PooledBuffer() : null;
        if (plain is not null)
        {
            if (encoding is null or Headers.Identity)
                throw Broken("A message is compressed, but the call names no grpc-encoding.");
            if (encoding != Headers.Gzip)
                throw UnknownEncoding(encoding);
            Gzip.Decompress(payload, plain, limit);
            payload = new ReadOnlySequence<byte>(plain.Written);
        }

        _payload = payload;
        try
        {
            return deserializer(this);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw new RpcException(new Status(StatusCode.Internal, "A message could not be deserialized.", e));
        }
        finally
        {
            _payload = default;
        }
    }
}
