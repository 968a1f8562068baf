using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Unicode;

namespace Fewshot.Artifacts.Safetensors;

/// <summary>Every check of a header from outside, in the order in which the fields are met.</summary>
internal static class SafetensorsReader
{
    private const int MaxDimensions = 32;

    public static int HeaderLength(ReadOnlySpan<byte> field, long fileLength, SafetensorsLimits limits)
    {
        if (field.Length < SafetensorsHeader.LengthBytes)
            throw new SafetensorsFormatException($"Header length: the file has {fileLength} bytes, the field alone needs {SafetensorsHeader.LengthBytes}.");
        var length = BinaryPrimitives.ReadUInt64LittleEndian(field);
        if (length > (ulong)limits.MaxHeaderBytes)
            throw new SafetensorsFormatException($"Header length: {length} bytes, the limit is {limits.MaxHeaderBytes} (is this a safetensors file?).");
        if (length > (ulong)(fileLength - SafetensorsHeader.LengthBytes))
            throw new SafetensorsFormatException($"Header length: {length} bytes, but the file ends after {fileLength - SafetensorsHeader.LengthBytes}.");
        return (int)length;
    }

    public static SafetensorsHeader Parse(ReadOnlySpan<byte> json, long fileLength, SafetensorsLimits limits)
    {
        if (json.IsEmpty || json[0] != '{')
            throw new SafetensorsFormatException("Header: must start with '{'.");
        if (!Utf8.IsValid(json))
            throw new SafetensorsFormatException("Header: not valid UTF-8.");
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        var tensors = new List<SafetensorsEntry>();
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = 8 });
            ReadHeader(ref reader, tensors, metadata, limits);
        }
        catch (JsonException e)
        {
            throw new SafetensorsFormatException($"Header: not valid JSON at byte {e.BytePositionInLine}.", e);
        }

        var bufferStart = SafetensorsHeader.LengthBytes + json.Length;
        CheckLayout(tensors, fileLength - bufferStart);
        return new SafetensorsHeader(tensors, metadata, bufferStart);
    }

    private static void ReadHeader(ref Utf8JsonReader reader, List<SafetensorsEntry> tensors, Dictionary<string, string> metadata, SafetensorsLimits limits)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        reader.Read();
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = Text(ref reader, "Header");
            if (!names.Add(name))
                throw new SafetensorsFormatException($"Header: {Printable.Quote(name)} appears twice.");
            if (name == SafetensorsHeader.MetadataKey)
                ReadMetadata(ref reader, metadata);
            else if (tensors.Count == limits.MaxTensors)
                throw new SafetensorsFormatException($"Header: more than {limits.MaxTensors} tensors.");
            else
                tensors.Add(ReadTensor(ref reader, name));
        }

        // Runs into anything but white space after the object.
        while (reader.Read())
        {
        }
    }

    private static void ReadMetadata(ref Utf8JsonReader reader, Dictionary<string, string> metadata)
    {
        Expect(ref reader, JsonTokenType.StartObject, SafetensorsHeader.MetadataKey);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var key = Text(ref reader, SafetensorsHeader.MetadataKey);
            Expect(ref reader, JsonTokenType.String, $"{SafetensorsHeader.MetadataKey}.{Printable.Quote(key)}");
            if (!metadata.TryAdd(key, Text(ref reader, SafetensorsHeader.MetadataKey)))
                throw new SafetensorsFormatException($"{SafetensorsHeader.MetadataKey}: {Printable.Quote(key)} appears twice.");
        }
    }

    private static SafetensorsEntry ReadTensor(ref Utf8JsonReader reader, string name)
    {
        var where = $"Tensor {Printable.Quote(name)}";
        string? dtype = null;
        List<long>? shape = null, offsets = null;
        Expect(ref reader, JsonTokenType.StartObject, where);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = Text(ref reader, where);
            var path = $"{where}, field {Printable.Quote(field)}";
            switch (field)
            {
                case "dtype" when dtype is null:
                    Expect(ref reader, JsonTokenType.String, path);
                    dtype = Text(ref reader, path);
                    if (SafetensorsDtypes.SizeOf(dtype) is null)
                        throw new SafetensorsFormatException($"{path}: {Printable.Quote(dtype)} is none of {string.Join(", ", SafetensorsDtypes.Names)}.");
                    break;
                case "shape" when shape is null:
                    shape = Numbers(ref reader, path, MaxDimensions);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = Numbers(ref reader, path, 2);
                    break;
                default:
                    throw new SafetensorsFormatException($"{path}: unknown or given twice (a tensor has dtype, shape and data_offsets).");
            }
        }

        if (dtype is null || shape is null || offsets is not { Count: 2 })
            throw new SafetensorsFormatException($"{where}: needs dtype, shape and data_offsets of two numbers.");
        if (offsets[1] < offsets[0])
            throw new SafetensorsFormatException($"{where}, field 'data_offsets': ends ({offsets[1]}) before it begins ({offsets[0]}).");
        if (SizeOf(dtype, shape) is var size && size != offsets[1] - offsets[0])
        {
            throw new SafetensorsFormatException(
                $"{where}: {dtype} [{string.Join(",", shape)}] takes {size?.ToString() ?? "more than 2^63"} bytes, data_offsets hold {offsets[1] - offsets[0]}.");
        }

        return new SafetensorsEntry(name, dtype, shape, offsets[0], offsets[1]);
    }

    /// <summary>The bytes a shape takes; null when they do not fit 63 bits.</summary>
    private static long? SizeOf(string dtype, List<long> shape)
    {
        Int128 size = SafetensorsDtypes.SizeOf(dtype)!.Value;
        foreach (var extent in shape)
        {
            // An extent of 0 later would bring the product back to 0, which other readers do not see either: refuse the overflow.
            size *= extent;
            if (size > long.MaxValue)
                return null;
        }

        return (long)size;
    }

    private static void CheckLayout(List<SafetensorsEntry> tensors, long bufferLength)
    {
        tensors.Sort((a, b) => (a.Begin, a.End).CompareTo((b.Begin, b.End)) is not 0 and var order ? order : string.CompareOrdinal(a.Name, b.Name));
        long position = 0;
        foreach (var tensor in tensors)
        {
            if (tensor.Begin != position)
            {
                throw new SafetensorsFormatException(
                    $"Tensor {Printable.Quote(tensor.Name)}, field 'data_offsets': begins at {tensor.Begin}, which leaves {(tensor.Begin > position ? "a gap" : "an overlap")} " +
                    $"with what ends at {position}.");
            }

            position = tensor.End;
        }

        if (position != bufferLength)
        {
            throw new SafetensorsFormatException(position > bufferLength
                ? $"Buffer: the file is truncated; tensors need {position} bytes, {bufferLength} are there."
                : $"Buffer: {bufferLength - position} bytes after the last tensor belong to none.");
        }
    }

    private static List<long> Numbers(ref Utf8JsonReader reader, string path, int most)
    {
        Expect(ref reader, JsonTokenType.StartArray, path);
        var numbers = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || reader.ValueSpan[0] == '-' || !reader.TryGetInt64(out var number))
                throw new SafetensorsFormatException($"{path}: takes whole numbers from 0 to 2^63-1 only.");
            if (numbers.Count == most)
                throw new SafetensorsFormatException($"{path}: more than {most} numbers.");
            numbers.Add(number);
        }

        return numbers;
    }

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType type, string path)
    {
        reader.Read();
        if (reader.TokenType != type)
            throw new SafetensorsFormatException($"{path}: expected {type}, found {reader.TokenType}.");
    }

    private static string Text(ref Utf8JsonReader reader, string path)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            // A \u escape of half a surrogate pair.
            throw new SafetensorsFormatException($"{path}: a string is not valid Unicode.", e);
        }
    }
}
