using System.Buffers.Binary;
using System.Numerics;

namespace Fewshot.Models.Checkpoints;

/// <summary>
/// PyTorch's own checkpoints: since 1.6 a zip file with <c>data.pkl</c> and one entry a storage; before, a run of pickles (magic, protocol, system
/// information, object, storage keys) followed by the storages, each its element count and its bytes.
/// </summary>
internal static class PthFile
{
    private const long LegacyProtocol = 1001;
    private const int MaxWrappers = 3;

    private static readonly string[] Wrappers = ["state_dict", "model"];
    private static readonly BigInteger LegacyMagic = BigInteger.Parse("1950a86a20f9469cfc6c", System.Globalization.NumberStyles.HexNumber, null);

    /// <summary>Starts with a pickle, as every file of the older format does.</summary>
    public static bool IsLegacy(ReadOnlySpan<byte> start) => start is [0x80, >= 2 and <= 5, ..];

    public static TensorArchive OpenZip(Stream file)
    {
        var zip = ZipIndex.Read(file);
        var names = zip.Keys.Where(key => key.EndsWith("/data.pkl", StringComparison.Ordinal) && key.IndexOf('/') == key.Length - "/data.pkl".Length).ToArray();
        if (names is not [var name])
            throw new CheckpointException($"The zip file holds {(names.Length == 0 ? "no" : "more than one")} data.pkl: it is no PyTorch checkpoint.");
        var folder = name[..^"data.pkl".Length];
        if (zip.TryGetValue(folder + "byteorder", out var order) && order.Length != "little".Length)
            throw new CheckpointException("The checkpoint was written on a big-endian machine: not supported.");
        var (offset, length) = zip[name];
        var pickle = Pickle(file, offset, length);
        return Archive(file, new PickleReader(pickle).Read(), key =>
            zip.TryGetValue($"{folder}data/{key}", out var entry) ? entry : throw new CheckpointException($"The zip file holds no storage {Dtypes.Printed(key)}."));
    }

    public static TensorArchive OpenLegacy(Stream file)
    {
        var pickle = new PickleReader(Pickle(file, 0, Math.Min(file.Length, PickleLimits.Bytes)));
        if (pickle.Read() is not BigInteger magic || magic != LegacyMagic || pickle.Read(pickle.Position) is not LegacyProtocol)
            throw new CheckpointException("The file is a pickle but no PyTorch checkpoint: its magic number is missing.");
        if (pickle.Read(pickle.Position) is not PickleDict system || system["little_endian"] is not true)
            throw new CheckpointException("The checkpoint was written on a big-endian machine: not supported.");
        var content = pickle.Read(pickle.Position);
        if (pickle.Read(pickle.Position) is not List<object?> keys || keys.Count > PickleLimits.Tensors)
            throw new CheckpointException("The list of storages is missing or too long.");
        var storages = new Dictionary<string, (long, long)>(StringComparer.Ordinal);
        long position = pickle.Position;
        Span<byte> field = stackalloc byte[8];
        foreach (var key in keys.OfType<string>())
        {
            file.Position = position;
            file.ReadExactly(field);
            var count = BinaryPrimitives.ReadInt64LittleEndian(field);
            if (!pickle.StorageDtypes.TryGetValue(key, out var dtype))
                throw new CheckpointException($"Storage {Dtypes.Printed(key)} belongs to no tensor.");
            var size = Dtypes.SizeOf(dtype);
            if (count < 0 || count > (file.Length - position - 8) / size)
                throw new CheckpointException($"The file is truncated: storage {Dtypes.Printed(key)} is not complete.");
            if (!storages.TryAdd(key, (position + 8, count * size)))
                throw new CheckpointException($"Storage {Dtypes.Printed(key)} is listed twice.");
            position += 8 + (count * size);
        }

        return Archive(file, content, key =>
            storages.TryGetValue(key, out var storage) ? storage : throw new CheckpointException($"The file holds no storage {Dtypes.Printed(key)}."));
    }

    private static byte[] Pickle(Stream file, long offset, long length)
    {
        if (length > PickleLimits.Bytes)
            throw new CheckpointException($"The pickle has {length} bytes; the limit is {PickleLimits.Bytes}.");
        var bytes = new byte[length];
        file.Position = offset;
        file.ReadExactly(bytes);
        return bytes;
    }

    private static TensorArchive Archive(Stream file, object? content, Func<string, (long Offset, long Length)> storageOf)
    {
        var entries = new Dictionary<string, TensorEntry>(StringComparer.Ordinal);
        long expanded = 0;
        foreach (var (key, value) in StateDict(content).Items)
        {
            if (value is not PickleTensor tensor || key is not string name)
                continue;
            if (entries.Count == PickleLimits.Tensors)
                throw new CheckpointException($"The checkpoint has more than {PickleLimits.Tensors} tensors.");
            var storage = tensor.Storage;
            var (offset, length) = storageOf(storage.Key);
            var size = Dtypes.SizeOf(storage.Dtype);
            var entry = new TensorEntry(storage.Dtype, tensor.Shape, tensor.Strides, checked(offset + (checked(storage.Offset + tensor.Offset) * size)));
            if (entry.Count > 0 && (checked(tensor.Offset + entry.Span) > storage.Count || checked(storage.Offset + storage.Count) > length / size))
                throw new CheckpointException($"{Dtypes.Printed(name)} reaches outside its storage: the file is truncated or corrupt.");

            // Strides of 0 let a few bytes describe any number of elements.
            expanded = checked(expanded + (entry.Count * size));
            if (expanded > (8 * file.Length) + (1 << 20))
                throw new CheckpointException($"The tensors up to {Dtypes.Printed(name)} take more than 8 times the file: refused.");
            entries.Add(name, entry);
        }

        return entries.Count > 0
            ? new TensorArchive(file, entries, new Dictionary<string, string>(StringComparer.Ordinal))
            : throw new CheckpointException("The checkpoint holds no named tensors (a state dict, or one under the key state_dict or model, is expected).");
    }

    private static PickleDict StateDict(object? content)
    {
        for (var depth = 0; depth < MaxWrappers && content is PickleDict dict; depth++)
        {
            var inner = Wrappers.Select(key => dict[key]).FirstOrDefault(value => value is PickleDict);
            if (inner is null)
                return dict;
            content = inner;
        }

        return content as PickleDict ?? throw new CheckpointException("The checkpoint holds no state dict.");
    }
}
