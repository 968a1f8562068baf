namespace Fewshot.Artifacts.Safetensors;

/// <summary>The element types of the safetensors format, by the format's own names.</summary>
public static class SafetensorsDtypes
{
    private static readonly Dictionary<string, int> Sizes = new(StringComparer.Ordinal)
    {
        ["BOOL"] = 1, ["U8"] = 1, ["I8"] = 1, ["F8_E4M3"] = 1, ["F8_E5M2"] = 1, ["U16"] = 2, ["I16"] = 2, ["F16"] = 2, ["BF16"] = 2,
        ["U32"] = 4, ["I32"] = 4, ["F32"] = 4, ["U64"] = 8, ["I64"] = 8, ["F64"] = 8,
    };

    /// <summary>Every name.</summary>
    public static IReadOnlyCollection<string> Names => Sizes.Keys;

    /// <summary>Bytes of one element; null for a name the format does not know.</summary>
    public static int? SizeOf(string dtype) => Sizes.TryGetValue(dtype, out var size) ? size : null;
}
