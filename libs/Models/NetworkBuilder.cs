namespace Fewshot.Models;

/// <summary>
/// Collects what a family composes, leaves out the dropped blocks, and makes an outline: a network whose tensors have names and shapes but no values yet.
/// </summary>
internal sealed class NetworkBuilder
{
    private readonly NetworkSpec spec;
    private readonly HashSet<string> dropped = new(StringComparer.Ordinal);
    private readonly List<string> droppable = [];
    private readonly List<Block> blocks = [];
    private readonly NetworkMode mode = new();
    private Section? stem, tail;
    private (string Name, long Inputs, Initial Weight, Initial Bias) classifier;

    private NetworkBuilder(NetworkSpec spec) => this.spec = spec;

    /// <summary>Outputs of the classifier.</summary>
    public int Classes => spec.Classes;

    /// <exception cref="UnknownArchitectureException">Unknown variant.</exception>
    /// <exception cref="InvalidEditException">An edit names no droppable block, or one that is gone already.</exception>
    public static Network Outline(NetworkSpec spec)
    {
        var variant = ModelCatalog.Find(spec.Variant);
        var builder = new NetworkBuilder(spec);
        var twice = spec.Edits.OfType<DropBlock>().Select(edit => edit.Block).FirstOrDefault(name => !builder.dropped.Add(name));
        variant.Compose(builder);
        var left = builder.droppable.Where(name => !builder.dropped.Contains(name)).ToArray();
        if (twice is not null)
            throw new InvalidEditException($"Block {twice} is dropped already. Droppable: {Listed(left)}.", left);
        var unknown = spec.Edits.OfType<DropBlock>().FirstOrDefault(edit => !builder.droppable.Contains(edit.Block, StringComparer.Ordinal));
        if (unknown is not null)
            throw new InvalidEditException($"'{unknown.Block}' is no droppable block of {spec.Variant}. Droppable: {Listed(left)}.", left);
        return new Network(spec, builder.mode, builder.stem!, builder.blocks, builder.tail, builder.MakeClassifier());
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

    /// <summary>The linear classifier after pooling.</summary>
    public void Classifier(string name, long inputs, Initial weight, Initial bias) => classifier = (name, inputs, weight, bias);

    /// <summary>Whether a block is to be left out; every block of the unpruned variant must be asked for.</summary>
    public bool IsDropped(string name, bool canDrop)
    {
        if (canDrop)
            droppable.Add(name);
        return canDrop && dropped.Contains(name);
    }

    /// <summary>Adds the next block.</summary>
    public void Add(Block block) => blocks.Add(block);

    private Linear MakeClassifier() => new(classifier.Name, classifier.Inputs, Classes, classifier.Weight, classifier.Bias);

    private static string Listed(string[] names) => names.Length == 0 ? "none" : string.Join(", ", names);
}
