namespace Fewshot.Models;

/// <summary>
/// Collects what a family composes, leaves out the dropped blocks, and makes an outline: a network whose tensors have names and shapes but no values yet.
/// </summary>
internal sealed class NetworkBuilder
{
    private readonly NetworkSpec spec;
    private readonly HashSet<string> dropped = new(StringComparer.Ordinal);
    private readonly Dictionary<string, CompressBlock> compressed = new(StringComparer.Ordinal);
    private readonly List<string> droppable = [], compressible = [];
    private readonly List<Block> blocks = [];
    private readonly NetworkMode mode = new();
    private Section? stem, tail;
    private Head? head;

    private NetworkBuilder(NetworkSpec spec) => this.spec = spec;

    /// <summary>Outputs of the classifier.</summary>
    public int Classes => spec.Classes;

    /// <summary>Side of the square input, pixels.</summary>
    public int ImageSize => spec.Preprocessing.Size;

    /// <summary>Channels of the input.</summary>
    public int Channels => spec.Preprocessing.Channels;

    /// <exception cref="UnknownArchitectureException">Unknown variant.</exception>
    /// <exception cref="InvalidEditException">An edit names no block that it applies to, or one that was dropped or compressed already.</exception>
    /// <exception cref="InvalidSpecException">The variant cannot take images of this size or number of channels.</exception>
    public static Network Outline(NetworkSpec spec)
    {
        var variant = ModelCatalog.Find(spec.Variant);
        var builder = new NetworkBuilder(spec);
        var droppedTwice = spec.Edits.OfType<DropBlock>().Select(edit => edit.Block).FirstOrDefault(name => !builder.dropped.Add(name));
        var compressedTwice = spec.Edits.OfType<CompressBlock>().Select(edit => (edit.Block, Fresh: builder.compressed.TryAdd(edit.Block, edit)))
            .FirstOrDefault(edit => !edit.Fresh || builder.dropped.Contains(edit.Block)).Block;
        variant.Compose(builder);
        builder.CheckEdits(droppedTwice, compressedTwice);
        if (builder.stem is ConvStack { Units: [var first, ..] } && first.Inputs != builder.Channels)
            throw new InvalidSpecException($"{spec.Variant} takes images of {first.Inputs} channels; mean and std have {builder.Channels}.");
        return new Network(spec, builder.mode, builder.stem!, builder.blocks, builder.tail, builder.head!);
    }

    /// <summary>A convolution with its norm.</summary>
    /// <param name="name">Path in the unpruned variant.</param>
    /// <param name="checkpointName">Path in the checkpoint, such as <c>layer1.0.conv1</c>.</param>
    /// <param name="norm">Path of its norm in the checkpoint.</param>
    /// <param name="inputs">Channels in.</param>
    /// <param name="outputs">Channels out.</param>
    /// <param name="kernel">Side of the kernel; the padding is half of it.</param>
    /// <param name="stride">Stride.</param>
    /// <param name="groups">Groups.</param>
    /// <param name="role">What it does to the stream.</param>
    /// <param name="initial">Random weights to start from.</param>
    public ConvUnit Conv(
        string name, string checkpointName, string norm, long inputs, long outputs, long kernel, long stride = 1, long groups = 1,
        StreamRole role = StreamRole.None, Initial initial = Initial.KaimingFanOut) =>
        new(name, checkpointName, norm, inputs, outputs, kernel, stride, groups, role, mode, initial);

    /// <summary>What stands before the first block.</summary>
    public void Stem(Section section) => stem = section;

    /// <summary>What stands between the last block and pooling.</summary>
    public void Tail(Section section) => tail = section;

    /// <summary>A linear layer.</summary>
    public Linear Linear(
        string name, string checkpointName, long inputs, long outputs, StreamRole role = StreamRole.None, bool bias = true,
        Initial weightInitial = Initial.UniformFanIn, Initial biasInitial = Initial.Zeros, long[]? rows = null, long[]? columns = null) =>
        new(name, checkpointName, [outputs, inputs], bias, role, weightInitial, biasInitial, rows, columns);

    /// <summary>Global average pooling and the linear classifier.</summary>
    public void Classifier(string name, long inputs, Initial weight, Initial bias) =>
        head = new AverageHead(Linear(name, name, inputs, Classes, weightInitial: weight, biasInitial: bias), 2, 3);

    /// <summary>What makes class scores of the features.</summary>
    public void Head(Head section) => head = section;

    /// <summary>Whether a block is to be left out; every block of the unpruned variant must be asked for.</summary>
    public bool IsDropped(string name, bool canDrop)
    {
        if (canDrop)
            droppable.Add(name);
        return canDrop && dropped.Contains(name);
    }

    /// <summary>Which hidden units a block keeps, ascending, when it is to lose its attention; null when it is left whole.</summary>
    /// <param name="hidden">How many it has.</param>
    public long[]? KeptHidden(string name, int hidden)
    {
        compressible.Add(name);
        if (!compressed.TryGetValue(name, out var edit))
            return null;
        return edit.UnitsOf(hidden) ?? throw new InvalidEditException(
            edit.Units is null ? $"{name} cannot keep {edit.Hidden} hidden units: 1 to {hidden} can stay." : $"{name}: units must be {edit.Hidden} different numbers from 0 to {hidden - 1}, ascending.", []);
    }

    /// <summary>Adds the next block.</summary>
    public void Add(Block block) => blocks.Add(block);

    private void CheckEdits(string? droppedTwice, string? compressedTwice)
    {
        string[] left = [.. droppable.Where(name => !dropped.Contains(name))];
        if (droppedTwice is not null)
            throw new InvalidEditException($"Block {droppedTwice} is dropped already. Droppable: {Listed(left)}.", left);
        if (dropped.FirstOrDefault(name => !droppable.Contains(name, StringComparer.Ordinal)) is { } unknown)
            throw new InvalidEditException($"'{unknown}' is no droppable block of {spec.Variant}. Droppable: {Listed(left)}.", left);
        string[] whole = [.. compressible.Where(name => !dropped.Contains(name) && !compressed.ContainsKey(name))];
        if (compressedTwice is not null)
            throw new InvalidEditException($"Block {compressedTwice} is compressed or dropped already. Compressible: {Listed(whole)}.", whole);
        if (compressed.Keys.FirstOrDefault(name => !compressible.Contains(name, StringComparer.Ordinal)) is { } other)
            throw new InvalidEditException($"'{other}' is no compressible block of {spec.Variant}. Compressible: {Listed(whole)}.", whole);
    }

    private static string Listed(string[] names) => names.Length == 0 ? "none" : string.Join(", ", names);
}
