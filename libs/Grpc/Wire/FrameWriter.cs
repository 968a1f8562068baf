using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using Grpc.Core;

namespace Grpc.Wire;

/// <summary>
/// Serialises one message after the other into frames. A message of announced length that is not compressed goes straight to the
/// target if there is one; any other is collected first, for its length precedes it on the wire.
/// </summary>
/// <param name="limit">Largest payload in bytes before compression; null: none.</param>
/// <param name="target">Where frames may be written in place; null collects every frame.</param>
/// <param name="compression">Level of gzip; null sends messages as they are.</param>
internal sealed class FrameWriter(int? limit, IBufferWriter<byte>? target, CompressionLevel? compression) : SerializationContext, IDisposable
{
    private readonly PooledBuffer _frame = new();
    private PooledBuffer? _packed;
    private int? _announced;
    private bool _compress;
    private bool _complete;
    private bool _inPlace;

    /// <summary>Serialises a message. The frame is in the target already if this returns an empty memory; else it is valid until the next call.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: larger than the limit.</exception>
    public ReadOnlyMemory<byte> Write<T>(T message, Action<T, SerializationContext> serializer, WriteOptions? options)
    {
        _frame.Clear();
        _packed?.Clear();
        _announced = null;
        _complete = false;
        _inPlace = false;
        _compress = compression is not null && !(options?.Has(WriteFlags.NoCompress) ?? false);
        serializer(message, this);
        if (!_complete)
            throw new InvalidOperationException("The serializer did not complete the message.");
        return _packed is { Length: > 0 } ? _packed.Written : _frame.Written;
    }

    public override void SetPayloadLength(int payloadLength)
    {
        Check(payloadLength);
        _announced = payloadLength;
    }

    public override IBufferWriter<byte> GetBufferWriter()
    {
        if (_announced is not { } length)
        {
            StartCollecting(0);
            return _frame;
        }

        if (target is not null && !_compress)
        {
            if (!_inPlace)
            {
                WriteHeader(target.GetSpan(Headers.FrameHeader), compressed: false, length);
                target.Advance(Headers.FrameHeader);
                _inPlace = true;
            }

            return target;
        }

        StartCollecting(length);
        return _frame;
    }

    public override void Complete(byte[] payload)
    {
        StartCollecting(payload.Length);
        _frame.Write(payload);
        Complete();
    }

    public override void Complete()
    {
        if (_complete)
            throw new InvalidOperationException("The message is complete already.");
        _complete = true;
        if (_inPlace)
            return;
        StartCollecting(0);
        var length = _frame.Length - Headers.FrameHeader;
        Check(length);
        if (_announced is { } announced && announced != length)
            throw new InvalidOperationException($"The serializer announced {announced} bytes and wrote {length}.");
        // An empty gzip stream has no bytes here, and peers refuse to unpack nothing: an empty message goes plain.
        if (_compress && length > 0)
            Compress();
        else
            WriteHeader(_frame.WrittenSpan, compressed: false, length);
    }

    public void Dispose()
    {
        _frame.Dispose();
        _packed?.Dispose();
    }

    private static void WriteHeader(Span<byte> header, bool compressed, int length)
    {
        header[0] = compressed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32BigEndian(header[1..], length);
    }

    private void StartCollecting(int payload)
    {
        if (_frame.Length > 0)
            return;
        _frame.Reserve(Headers.FrameHeader + payload);
        _frame.Advance(Headers.FrameHeader);
    }

    private void Compress()
    {
        _packed ??= new PooledBuffer();
        _packed.Reserve(Headers.FrameHeader);
        _packed.Advance(Headers.FrameHeader);
        Gzip.Compress(_frame.Written[Headers.FrameHeader..], _packed, compression!.Value);
        WriteHeader(_packed.WrittenSpan, compressed: true, _packed.Length - Headers.FrameHeader);
    }

    private void Check(int length)
    {
        if (length > limit)
            throw new RpcException(new Status(StatusCode.ResourceExhausted, $"Sending message of {length} bytes exceeds the maximum of {limit} bytes."));
    }
}
