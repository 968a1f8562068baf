using TorchSharp;

namespace Fewshot.Models.Checkpoints;

/// <summary>Element types by the names of safetensors.</summary>
internal static class Dtypes
{
    private static readonly Dictionary<string, (int Size, torch.ScalarType? Type, string? Storage)> Known = new(StringComparer.Ordinal)
    {
        ["F64"] = (8, torch.ScalarType.Float64, "DoubleStorage"),
        ["F32"] = (4, torch.ScalarType.Float32, "FloatStorage"),
        ["F16"] = (2, torch.ScalarType.Float16, "HalfStorage"),
        ["BF16"] = (2, torch.ScalarType.BFloat16, "BFloat16Storage"),
        ["I64"] = (8, torch.ScalarType.Int64, "LongStorage"),
        ["I32"] = (4, torch.ScalarType.Int32, "IntStorage"),
        ["I16"] = (2, torch.ScalarType.Int16, "ShortStorage"),
        ["I8"] = (1, torch.ScalarType.Int8, "CharStorage"),
        ["U8"] = (1, torch.ScalarType.Byte, "ByteStorage"),
        ["BOOL"] = (1, torch.ScalarType.Bool, "BoolStorage"),
    };

    private static readonly Dictionary<string, string> ByStorage =
        Known.ToDictionary(pair => pair.Value.Storage!, pair => pair.Key, StringComparer.Ordinal);

    /// <summary>Bytes of one element.</summary>
    public static int SizeOf(string dtype) => Known[dtype].Size;

    /// <summary>The tensor type; null where libtorch has none.</summary>
    public static torch.ScalarType? ScalarTypeOf(string dtype) => Known.TryGetValue(dtype, out var known) ? known.Type : null;

    /// <summary>The dtype of a PyTorch storage class (<c>FloatStorage</c>); null for another name.</summary>
    public static string? OfStorage(string name) => ByStorage.GetValueOrDefault(name);

    /// <summary>A name from a file, safe to print: control characters masked, cut at 120 characters.</summary>
    public static string Printed(string name) =>
        $"'{new string([.. name.Take(120).Select(character => char.IsControl(character) || char.IsSurrogate(character) ? '?' : character)])}{(name.Length > 120 ? "..." : string.Empty)}'";
}
