using TorchSharp;

namespace Fewshot.Models;

/// <summary>A part of a network with one input and one output: the stem, a block, the tail.</summary>
public abstract class Section
{
    private IReadOnlyList<Unit>? units;

    /// <summary>Its convolutions and linear layers in the order of the forward pass; a projection shortcut last.</summary>
    public IReadOnlyList<Unit> Units => units ??= [.. Layers.OfType<Unit>()];

    /// <summary>What owns its tensors, in the order of the checkpoint.</summary>
    internal abstract IReadOnlyList<Layer> Layers { get; }

    /// <summary>The output for <paramref name="x"/>, the only tensor left alive; <paramref name="x"/> is not changed.</summary>
    public abstract torch.Tensor Forward(torch.Tensor x);

    /// <summary>Multiply-adds for one image, and the size of the map that comes out.</summary>
    internal abstract (long Macs, MapSize Output) Cost(MapSize input, MacsConvention convention);
}

/// <summary>A residual unit with a name.</summary>
public abstract class Block : Section
{
    private protected Block(BlockPlace place) =>
        (Name, CheckpointName, Stage, Droppable) = (place.Name, place.CheckpointName, place.Stage, place.Droppable);

    /// <summary>As in the unpruned variant, such as <c>layer1.2</c>.</summary>
    public string Name { get; }

    /// <summary>As in this network's checkpoint: kept blocks are numbered densely.</summary>
    public string CheckpointName { get; }

    /// <summary>Blocks that add to one stream share a stage, counted from 0; a stage's blocks are contiguous.</summary>
    public int Stage { get; }

    /// <summary>Its shortcut is the identity, so that the stream can pass it by: never the first of a stage that makes its own stream.</summary>
    public bool Droppable { get; }

    /// <summary>Its MLP, which DC-ViT narrows; null where it has none.</summary>
    public virtual Mlp? Mlp => null;

    /// <summary>It has attention that DC-ViT can remove.</summary>
    public virtual bool HasAttention => false;

    /// <summary><see cref="CompressBlock"/> takes it.</summary>
    public bool Compressible => HasAttention && Mlp is not null;

    /// <summary>The residual branch alone, before the shortcut is added; the only tensor left alive.</summary>
    public abstract torch.Tensor Branch(torch.Tensor x);

    /// <summary>
    /// The residual branch up to the first unit that writes the stream: what networks that differ only from there on can share. The only
    /// tensor left alive. <see cref="Complete"/> makes the block's output of it.
    /// </summary>
    public abstract torch.Tensor Ahead(torch.Tensor x);

    /// <summary>The block's output from <see cref="Ahead"/> and its input; changes neither.</summary>
    public abstract torch.Tensor Complete(torch.Tensor ahead, torch.Tensor x);

    /// <summary>MACs of its attention with the norm before it, and of its MLP without.</summary>
    internal virtual (long Attention, long Mlp) PartCosts(MapSize input, MacsConvention convention) => (0, 0);
}

/// <summary>Where a block stands.</summary>
internal sealed record BlockPlace(string Name, string CheckpointName, int Stage, bool Droppable);
