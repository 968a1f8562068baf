using TorchSharp;

namespace Fewshot.Models.Checkpoints;

/// <summary>One tensor of a file: where its elements lie and how they are strided. Everything is checked against the file before it is read.</summary>
/// <param name="Dtype">The format-independent name, as in safetensors (<c>F32</c>).</param>
/// <param name="Shape">Extents.</param>
/// <param name="Strides">In elements.</param>
/// <param name="Begin">Byte of the first element in the file.</param>
internal sealed record TensorEntry(string Dtype, long[] Shape, long[] Strides, long Begin)
{
    public long Count => Shape.Aggregate(1L, (product, extent) => checked(product * extent));

    /// <summary>Elements from the first to the last one used, both included; 0 for an empty tensor.</summary>
    public long Span => Count == 0 ? 0 : 1 + Shape.Zip(Strides, (extent, stride) => checked((extent - 1) * stride)).Aggregate(0L, (sum, reach) => checked(sum + reach));

    /// <summary>Row-major strides of a shape.</summary>
    public static long[] RowMajor(IReadOnlyList<long> shape)
    {
        var strides = new long[shape.Count];
        for (long i = shape.Count - 1, stride = 1; i >= 0; stride *= Math.Max(1, shape[(int)i]), i--)
            strides[i] = stride;
        return strides;
    }
}

/// <summary>The tensors of an open checkpoint; elements are read one tensor at a time, straight into the tensor's own memory.</summary>
internal sealed class TensorArchive(Stream file, IReadOnlyDictionary<string, TensorEntry> entries, IReadOnlyDictionary<string, string> metadata) : IDisposable
{
    private const int MaxElements = int.MaxValue / 8;

    /// <summary>Names as in the file, wrappers opened.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Entries { get; } = entries;

    /// <summary>A safetensors file's metadata; empty in other formats.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; } = metadata;

    /// <summary>Opens a checkpoint of any known format, told apart by its content.</summary>
    /// <exception cref="CheckpointException">Unknown format, truncated, malicious.</exception>
    public static TensorArchive Open(string path)
    {
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 16, FileOptions.SequentialScan);
        try
        {
            return Open(file);
        }
        catch (Exception)
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>The tensor on the CPU, contiguous, in the file's dtype; the caller disposes it.</summary>
    /// <exception cref="CheckpointException">The file ends early, or the dtype has no tensor type.</exception>
    public torch.Tensor Read(string name)
    {
        var entry = Entries[name];
        var dtype = Dtypes.ScalarTypeOf(entry.Dtype) ?? throw new CheckpointException($"{Dtypes.Printed(name)}: dtype {entry.Dtype} is not supported.");
        if (entry.Count > MaxElements || entry.Span > MaxElements)
            throw new CheckpointException($"{Dtypes.Printed(name)} has {entry.Count} elements, {entry.Span} apart; at most {MaxElements} are supported.");
        var tensor = torch.empty(entry.Shape, dtype: dtype);
        try
        {
            var size = Dtypes.SizeOf(entry.Dtype);
            file.Position = entry.Begin;
            if (entry.Strides.AsSpan().SequenceEqual(TensorEntry.RowMajor(entry.Shape)))
                file.ReadExactly(tensor.bytes);
            else
                Gather(entry, size, tensor.bytes);
            return tensor;
        }
        catch (EndOfStreamException e)
        {
            tensor.Dispose();
            throw new CheckpointException($"The file is truncated: {Dtypes.Printed(name)} is not complete.", e);
        }
        catch (Exception)
        {
            tensor.Dispose();
            throw;
        }
    }

    public void Dispose() => file.Dispose();

    private static TensorArchive Open(Stream file)
    {
        Span<byte> start = stackalloc byte[16];
        start = start[..file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        file.Position = 0;
        try
        {
            if (start.StartsWith("PK\x03\x04"u8))
                return PthFile.OpenZip(file);
            if (start.Length > 8 && start[8] == '{')
                return SafetensorsFile.Open(file);
            if (PthFile.IsLegacy(start))
                return PthFile.OpenLegacy(file);
        }
        catch (EndOfStreamException e)
        {
            throw new CheckpointException("The file is truncated.", e);
        }
        catch (OverflowException e)
        {
            throw new CheckpointException("The file is corrupt: a size or an offset exceeds 63 bits.", e);
        }

        throw new CheckpointException("Neither a safetensors file nor a PyTorch checkpoint (zip, or the format before 1.6).");
    }

    /// <summary>Copies strided elements into row-major order.</summary>
    private void Gather(TensorEntry entry, int size, Span<byte> target)
    {
        if (entry.Count == 0)
            return;
        var source = new byte[entry.Span * size];
        file.ReadExactly(source);
        var index = new long[entry.Shape.Length];
        long from = 0;
        for (var to = 0; to < target.Length; to += size)
        {
            source.AsSpan((int)(from * size), size).CopyTo(target[to..]);
            for (var axis = index.Length - 1; axis >= 0; axis--)
            {
                from += entry.Strides[axis];
                if (++index[axis] < entry.Shape[axis])
                    break;
                from -= entry.Strides[axis] * entry.Shape[axis];
                index[axis] = 0;
            }
        }
    }
}
