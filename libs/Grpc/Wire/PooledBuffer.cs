using System.Buffers;

namespace Grpc.Wire;

/// <summary>A growing byte buffer from the shared pool. Not thread-safe; disposing gives the array back.</summary>
internal sealed class PooledBuffer : IBufferWriter<byte>, IDisposable
{
    private byte[] _array = [];

    public int Length { get; private set; }

    public ReadOnlyMemory<byte> Written => _array.AsMemory(0, Length);

    public Span<byte> WrittenSpan => _array.AsSpan(0, Length);

    public void Advance(int count)
    {
        if (count < 0 || Length + count > _array.Length)
            throw new ArgumentOutOfRangeException(nameof(count));
        Length += count;
    }

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _array.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _array.AsSpan(Length);
    }

    /// <summary>Makes room for this many bytes more.</summary>
    public void Reserve(int count)
    {
        if (_array.Length - Length >= count)
            return;
        var wanted = Math.Max((long)Length + count, Math.Min(2L * Length, Array.MaxLength));
        var grown = ArrayPool<byte>.Shared.Rent(checked((int)Math.Max(wanted, 256)));
        WrittenSpan.CopyTo(grown);
        Return();
        _array = grown;
    }

    public void Clear() => Length = 0;

    public void Dispose()
    {
        Length = 0;
        Return();
        _array = [];
    }

    private void Return()
    {
        if (_array.Length > 0)
            ArrayPool<byte>.Shared.Return(_array);
    }
}
