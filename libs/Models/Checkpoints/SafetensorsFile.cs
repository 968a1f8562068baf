using Fewshot.Artifacts.Safetensors;
using TorchSharp;

namespace Fewshot.Models.Checkpoints;

/// <summary>Networks as safetensors; the metadata key <see cref="SpecKey"/> makes a file describe itself.</summary>
internal static class SafetensorsFile
{
    /// <summary>Metadata key of the <see cref="NetworkSpec"/> as JSON.</summary>
    public const string SpecKey = "fewshot";

    public static TensorArchive Open(Stream file)
    {
        try
        {
            var header = SafetensorsHeader.Read(file, SafetensorsLimits.Service);
            var entries = header.Entries.ToDictionary(
                entry => entry.Name,
                entry => new TensorEntry(entry.Dtype, [.. entry.Shape], TensorEntry.RowMajor(entry.Shape), header.BufferOffset + entry.Begin),
                StringComparer.Ordinal);
            return new TensorArchive(file, entries, header.Metadata);
        }
        catch (SafetensorsFormatException e)
        {
            throw new CheckpointException(e.Message, e);
        }
    }

    /// <summary>Writes the network's state in its own order; the bytes depend on spec and weights alone.</summary>
    public static void Write(Stream file, Network network)
    {
        var rows = new List<(string Name, string Dtype, long[] Shape, torch.Tensor? Value, long Counter)>();
        foreach (var layer in network.Layers)
        {
            rows.AddRange(layer.Slots.Select(slot => (slot.CheckpointName, "F32", slot.Shape.ToArray(), (torch.Tensor?)slot.Value, 0L)));
            if (layer is ConvUnit { Norm: { } norm })
                rows.Add(($"{norm.CheckpointName}.num_batches_tracked", "I64", [], null, norm.BatchesTracked));
        }

        var metadata = new Dictionary<string, string>(StringComparer.Ordinal) { ["format"] = "pt", [SpecKey] = network.Spec.ToJson() };
        SafetensorsHeader.Write(file, rows.Select(row => (row.Name, row.Dtype, row.Shape)), metadata);
        using var guard = torch.no_grad();
        foreach (var (_, _, _, value, counter) in rows)
        {
            if (value is null)
            {
                file.Write(BitConverter.GetBytes(counter));
                continue;
            }

            using var scope = torch.NewDisposeScope();
            file.Write(value.detach().cpu().contiguous().bytes);
        }
    }
}
