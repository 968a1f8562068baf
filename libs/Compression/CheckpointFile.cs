using System.Runtime.InteropServices;
using Fewshot.Artifacts.Safetensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression;

/// <summary>Training state as safetensors: float32 tensors by name, and the position in the metadata.</summary>
internal static class CheckpointFile
{
    /// <summary>Writes the tensors in their order; the bytes depend on nothing else.</summary>
    public static void Write(Stream stream, IEnumerable<(string Name, Tensor Value)> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        var rows = tensors.ToList();
        SafetensorsHeader.Write(stream, rows.Select(row => (row.Name, "F32", row.Value.shape)), metadata);
        using var _ = no_grad();
        foreach (var (_, value) in rows)
        {
            using var scope = NewDisposeScope();
            stream.Write(value.detach().cpu().contiguous().bytes);
        }
    }

    /// <summary>Reads what <see cref="Write"/> wrote; the tensors are on the CPU, in the caller's dispose scope.</summary>
    /// <exception cref="SafetensorsFormatException">Not such a file.</exception>
    public static (IReadOnlyDictionary<string, Tensor> Tensors, IReadOnlyDictionary<string, string> Metadata) Read(Stream stream)
    {
        var header = SafetensorsHeader.Read(stream, SafetensorsLimits.Library);
        var tensors = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var entry in header.Entries)
        {
            if (entry.Dtype != "F32")
                throw new SafetensorsFormatException($"Not a checkpoint: '{entry.Name}' is {entry.Dtype}, not F32.");
            var value = empty([.. entry.Shape], dtype: ScalarType.Float32);
            stream.Position = header.BufferOffset + entry.Begin;
            stream.ReadExactly(value.bytes);
            tensors.Add(entry.Name, value);
        }

        return (tensors, header.Metadata);
    }
}
