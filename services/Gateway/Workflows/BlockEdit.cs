namespace Fewshot.Gateway.Workflows;

/// <summary>Which hidden units of an MLP are kept.</summary>
public enum HiddenSelection
{
    /// <summary>Drawn with the seed.</summary>
    Random,

    /// <summary>Those of the largest mean activation on the training images.</summary>
    Activation,
}

/// <summary>One change to one block, named as in the original.</summary>
public abstract record BlockEdit(string Block)
{
    /// <summary>The same as far as latency goes, which does not care which hidden units stay.</summary>
    public BlockEdit Shape => this is Compress compress ? compress with { Selection = HiddenSelection.Random } : this;

    /// <summary>These blocks go.</summary>
    public static IReadOnlyList<BlockEdit> Drops(IEnumerable<string> blocks) => [.. blocks.Select(block => new Drop(block))];

    /// <summary>The block goes.</summary>
    public sealed record Drop(string Block) : BlockEdit(Block);

    /// <summary>The block loses its attention, and its MLP all but some hidden units.</summary>
    public sealed record Compress(string Block, int Hidden, HiddenSelection Selection, ulong Seed) : BlockEdit(Block);
}
