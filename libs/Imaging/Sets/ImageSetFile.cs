using System.Text.Json;
using System.Text.Json.Serialization;
using Fewshot.Artifacts.Safetensors;

namespace Fewshot.Imaging;

/// <summary>
/// An image set as one file: a safetensors container whose U8 tensors <c>000000</c>, <c>000001</c>... hold the encoded images, and whose
/// metadata key <c>fewshot.images</c> is JSON <c>{names:[...],labels:[...]|null,classes:n|null}</c>, and <c>prepared:true</c> where that holds. Equal sets give equal bytes.
/// </summary>
public static class ImageSetFile
{
    private const string Key = "fewshot.images";

    /// <summary>Writes a set.</summary>
    public static void Write(Stream file, ImageSet set)
    {
        var description = new Description(
            set.Entries.Select(e => e.Name).ToArray(), set.ClassCount is null ? null : set.Entries.Select(e => e.Label!.Value).ToArray(), set.ClassCount,
            set.Prepared ? true : null);
        SafetensorsHeader.Write(
            file,
            set.Entries.Select((e, i) => (TensorName(i), "U8", new long[] { e.Encoded.Length })),
            new Dictionary<string, string> { [Key] = JsonSerializer.Serialize(description) });
        foreach (var entry in set.Entries)
            file.Write(entry.Encoded);
    }

    /// <summary>Reads a set from a file. An image that is larger than <see cref="ImageLimits"/> allows is skipped and counted.</summary>
    /// <exception cref="ImageSetException">The file is no image set.</exception>
    public static ImageSet Read(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16);
        return Read(file);
    }

    /// <summary>Reads a set from a seekable stream.</summary>
    /// <inheritdoc cref="Read(string)"/>
    public static ImageSet Read(Stream file) => Read(file, ImageLimits.MaxSetBytes);

    internal static ImageSet Read(Stream file, long maxBytes)
    {
        try
        {
            var header = SafetensorsHeader.Read(file, SafetensorsLimits.ImageSets);
            if (!header.Metadata.TryGetValue(Key, out var json))
                throw new ImageSetException($"Not an image set: the metadata has no '{Key}'.");
            var description = JsonSerializer.Deserialize<Description>(json);
            var (names, labels) = (description?.Names, description?.Labels);
            if (names is null || names.Count != header.Entries.Count || (labels is not null && labels.Count != names.Count) || labels is null != (description!.Classes is null))
                throw new ImageSetException($"Damaged image set: {header.Entries.Count} images with {names?.Count ?? 0} names and {labels?.Count ?? 0} labels.");
            var entries = new List<ImageSetEntry>(names.Count);
            var skipped = new SkippedImages();
            for (var i = 0; i < names.Count; i++)
            {
                var tensor = header.Entries[i];
                if (tensor.Name != TensorName(i) || tensor.Dtype != "U8" || tensor.Shape.Count != 1)
                    throw new ImageSetException($"Damaged image set: tensor {i} is not a U8 vector named {TensorName(i)}.");
                if (ImageLimits.Refusal(tensor.Length, maxBytes) is { } refusal)
                {
                    skipped.Add($"{names[i]}: {refusal}");
                    file.Seek(tensor.Length, SeekOrigin.Current);
                    continue;
                }

                var encoded = GC.AllocateUninitializedArray<byte>((int)tensor.Length);
                file.ReadExactly(encoded);
                maxBytes -= tensor.Length;
                entries.Add(new ImageSetEntry(names[i], encoded, labels?[i]));
            }

            if (entries.Count == 0 && skipped.Count > 0)
                throw skipped.NothingLeft("the set");
            return new ImageSet(entries, description.Classes, skipped.Count, skipped.Reasons) { Prepared = description.Prepared == true };
        }
        catch (Exception e) when (e is SafetensorsFormatException or JsonException)
        {
            throw new ImageSetException($"Not an image set: {e.Message}", e);
        }
    }

    private static string TensorName(int index) => index.ToString("D6");

    private sealed record Description(
        [property: JsonPropertyName("names")] IReadOnlyList<string> Names,
        [property: JsonPropertyName("labels")] IReadOnlyList<int>? Labels,
        [property: JsonPropertyName("classes")] int? Classes,
        [property: JsonPropertyName("prepared"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] bool? Prepared);
}
