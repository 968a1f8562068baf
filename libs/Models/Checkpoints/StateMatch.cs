namespace Fewshot.Models.Checkpoints;

/// <summary>How a file's tensors fit a network: by name, then by shape.</summary>
internal sealed class StateMatch
{
    private const int Named = 3;
    private static readonly string[] Prefixes = ["module.", "_orig_mod."];
    private static readonly string[] Floating = ["F32", "F16", "BF16", "F64"];

    private StateMatch(Network outline, IReadOnlyDictionary<string, TensorEntry> entries, Func<string, string?> translate, bool interpolatePositions = false)
    {
        Outline = outline;
        var files = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var name in entries.Keys)
        {
            if (translate(Stripped(name)) is { } ours && !files.TryAdd(ours, name))
                throw new CheckpointException($"{Dtypes.Printed(name)} and {Dtypes.Printed(files[ours])} are the same tensor.");
        }

        foreach (var slot in outline.Slots)
        {
            if (!files.Remove(slot.CheckpointName, out var name))
                Missing.Add(slot.CheckpointName);
            else if (!entries[name].Shape.AsSpan().SequenceEqual([.. slot.Shape]) && PositionEmbeddings.Differ(slot, entries[name].Shape) && !interpolatePositions)
                Differing.Add(PositionEmbeddings.Difference(slot, entries[name].Shape));
            else if (!entries[name].Shape.AsSpan().SequenceEqual([.. slot.Shape]) && !PositionEmbeddings.Differ(slot, entries[name].Shape))
                Differing.Add($"{slot.CheckpointName}: file [{string.Join(",", entries[name].Shape)}], network [{string.Join(",", slot.Shape)}]");
            else if (!Floating.Contains(entries[name].Dtype, StringComparer.Ordinal))
                Differing.Add($"{slot.CheckpointName}: file {entries[name].Dtype}, network one of {string.Join("/", Floating)}");
            else
                Files[slot] = name;
        }

        foreach (var norm in outline.Layers.OfType<ConvUnit>().Select(unit => unit.Norm!))
        {
            if (files.Remove($"{norm.CheckpointName}.num_batches_tracked", out var name) && entries[name] is { Dtype: "I64", Count: 1 })
                Counters[norm] = name;
        }

        Unexpected = [.. files.Values];
    }

    /// <summary>The network without values.</summary>
    public Network Outline { get; }

    /// <summary>Slot to the file's name.</summary>
    public Dictionary<TensorSlot, string> Files { get; } = [];

    /// <summary>Norm to the file's name of its counter, where it has one.</summary>
    public Dictionary<BatchNorm, string> Counters { get; } = [];

    public bool Fits => Missing.Count + Unexpected.Length + Differing.Count == 0;

    /// <summary>How far from fitting, to choose what is reported.</summary>
    public int Distance => Missing.Count + Unexpected.Length + Differing.Count;

    private List<string> Missing { get; } = [];

    private List<string> Differing { get; } = [];

    private string[] Unexpected { get; }

    /// <summary>Names must be exactly the network's.</summary>
    public static StateMatch Exact(NetworkSpec spec, IReadOnlyDictionary<string, TensorEntry> entries, bool interpolatePositions = false) =>
        new(NetworkBuilder.Outline(spec), entries, static name => name, interpolatePositions);

    /// <summary>The variant, or a relative of it, that fits; else the variant's own mismatch. The class count is the file's.</summary>
    /// <exception cref="CheckpointException">The number of heads is needed and misses, or cannot be.</exception>
    /// <exception cref="InvalidSpecException">The adjusted preprocessing is none this network can take.</exception>
    public static StateMatch Closest(Variant variant, ImportOptions options, IReadOnlyDictionary<string, TensorEntry> entries)
    {
        StateMatch? best = null;
        var files = new Dictionary<string, long[]>(StringComparer.Ordinal);
        var translate = TranslatorOf(variant, entries);
        foreach (var (name, entry) in entries)
        {
            if (translate(Stripped(name)) is { } ours)
                files.TryAdd(ours, entry.Shape);
        }

        var (fitting, standard) = variant.Fit(files.GetValueOrDefault, options.Heads);
        var preprocessing = (options.Adjust?.Invoke(standard) ?? standard).Checked();
        foreach (var relative in fitting.Relatives())
        {
            var match = Of(relative, preprocessing, entries, options.InterpolatePositions);
            if (match.Fits)
                return match;
            best ??= match;
        }

        return best!;
    }

    /// <summary>The first keys that miss, are unexpected or differ, and the variants that fit instead.</summary>
    public CheckpointException Refusal(IReadOnlyDictionary<string, TensorEntry> entries)
    {
        var parts = new List<string>();
        Describe(parts, "missing", Missing);
        Describe(parts, "unexpected", [.. Unexpected.Select(Dtypes.Printed)]);
        Describe(parts, "different", Differing);
        var fitting = ModelCatalog.Variants.Select(variant => Closest(variant, new ImportOptions(), entries)).Where(match => match.Fits).Select(match => match.Outline.Spec.Variant).Distinct().ToArray();
        return new CheckpointException(
            $"The weights are not those of {Outline.Spec.Variant}{(Outline.Spec.Edits.Count > 0 ? $" with {Outline.Spec.Edits.Count} edits" : string.Empty)}: {string.Join("; ", parts)}. " +
            (fitting.Length > 0 ? $"They fit {string.Join(", ", fitting)}." : "They fit no variant of the catalog."));
    }

    private static StateMatch Of(Variant variant, Preprocessing preprocessing, IReadOnlyDictionary<string, TensorEntry> entries, bool interpolatePositions)
    {
        var (outline, translate) = (NetworkBuilder.Outline(variant.Spec(preprocessing: preprocessing)), TranslatorOf(variant, entries));
        var classifier = outline.Classifier.Slots[0].CheckpointName;
        var shape = entries.Where(pair => translate(Stripped(pair.Key)) == classifier).Select(pair => pair.Value.Shape).FirstOrDefault();
        if (shape is [> 0 and <= NetworkSpec.MaxClasses, _] && shape[0] != variant.Classes)
            outline = NetworkBuilder.Outline(variant.Spec((int)shape[0], preprocessing));
        return new StateMatch(outline, entries, translate, interpolatePositions);
    }

    private static Func<string, string?> TranslatorOf(Variant variant, IReadOnlyDictionary<string, TensorEntry> entries) =>
        variant.Translator([.. entries.Keys.Select(Stripped)]);

    private static string Stripped(string name)
    {
        while (Prefixes.FirstOrDefault(prefix => name.StartsWith(prefix, StringComparison.Ordinal)) is { } prefix)
            name = name[prefix.Length..];
        return name;
    }

    private static void Describe(List<string> parts, string what, IReadOnlyList<string> keys)
    {
        if (keys.Count > 0)
            parts.Add($"{keys.Count} {what} ({string.Join("; ", keys.Take(Named))}{(keys.Count > Named ? "; ..." : string.Empty)})");
    }
}
