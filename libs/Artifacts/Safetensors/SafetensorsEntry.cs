namespace Fewshot.Artifacts.Safetensors;

/// <summary>One tensor of a container: dtype by the format's name, row-major, little-endian, at <c>[Begin, End)</c> of the buffer that follows the header.</summary>
public sealed record SafetensorsEntry(string Name, string Dtype, IReadOnlyList<long> Shape, long Begin, long End)
{
    /// <summary>Bytes of the tensor.</summary>
    public long Length => End - Begin;
}
