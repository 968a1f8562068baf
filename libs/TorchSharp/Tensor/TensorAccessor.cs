using System.Collections;

namespace TorchSharp.Utils;

/// <summary>Reads and writes a CPU tensor's elements in row-major order. It keeps the tensor alive, not undisposed.</summary>
public sealed class TensorAccessor<T> : IDisposable, IEnumerable<T> where T : unmanaged
{
    private readonly torch.Tensor tensor;
    private readonly nint memory;
    private readonly long[]? shape;
    private readonly long[]? strides;

    internal TensorAccessor(torch.Tensor tensor)
    {
        this.tensor = tensor;
        memory = tensor.DataPointer();
        Count = tensor.NumberOfElements;
        if (tensor.is_contiguous())
            return;
        shape = tensor.shape;
        strides = tensor.stride();
    }

    /// <summary>The number of elements.</summary>
    public long Count { get; }

    public bool IsReadOnly => false;

    /// <summary>The element at a row-major position.</summary>
    public unsafe T this[long index]
    {
        get => ((T*)memory)[Offset(index)];
        set => ((T*)memory)[Offset(index)] = value;
    }

    /// <summary>A copy of all elements.</summary>
    public T[] ToArray()
    {
        var copy = new T[Count];
        CopyTo(copy);
        return copy;
    }

    /// <summary>Copies the elements from <paramref name="tensorIndex"/> on to <paramref name="array"/> from <paramref name="arrayIndex"/> on.</summary>
    public void CopyTo(T[] array, int arrayIndex = 0, long tensorIndex = 0) => CopyTo(array.AsSpan(arrayIndex), 0, tensorIndex);

    /// <inheritdoc cref="CopyTo(T[], int, long)"/>
    public unsafe void CopyTo(Span<T> array, int arrayIndex = 0, long tensorIndex = 0)
    {
        var target = array[arrayIndex..];
        var count = (int)Math.Min(target.Length, Count - tensorIndex);
        if (shape is null)
            new ReadOnlySpan<T>((T*)memory + tensorIndex, count).CopyTo(target);
        else
            for (var k = 0; k < count; k++)
                target[k] = this[tensorIndex + k];
        GC.KeepAlive(tensor);
    }

    /// <summary>Overwrites the elements from <paramref name="tensorIndex"/> on.</summary>
    public unsafe void CopyFrom(T[] array, int arrayIndex = 0, long tensorIndex = 0)
    {
        var source = array.AsSpan(arrayIndex);
        var count = (int)Math.Min(source.Length, Count - tensorIndex);
        if (shape is null)
            source[..count].CopyTo(new Span<T>((T*)memory + tensorIndex, count));
        else
            for (var k = 0; k < count; k++)
                this[tensorIndex + k] = source[k];
        GC.KeepAlive(tensor);
    }

    public IEnumerator<T> GetEnumerator()
    {
        for (long k = 0; k < Count; k++)
            yield return this[k];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Nothing is held beyond the tensor itself.</summary>
    public void Dispose()
    {
    }

    private long Offset(long index)
    {
        if ((ulong)index >= (ulong)Count)
            throw new ArgumentOutOfRangeException(nameof(index), index, $"The tensor has {Count} elements.");
        if (shape is null)
            return index;
        long offset = 0;
        for (var k = shape.Length - 1; k >= 0; k--)
        {
            offset += index % shape[k] * strides![k];
            index /= shape[k];
        }
        return offset;
    }
}
