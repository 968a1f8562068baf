namespace Fewshot.Models;

/// <summary>What a block is and costs.</summary>
/// <param name="Name">As in the unpruned variant.</param>
/// <param name="Stage">Counted from 0.</param>
/// <param name="Droppable">Its shortcut is the identity and it is not the first of its stage.</param>
/// <param name="Macs">Multiply-adds of its convolutions for one image.</param>
/// <param name="Params">Learnable elements.</param>
public sealed record BlockCosts(string Name, int Stage, bool Droppable, long Macs, long Params);

/// <summary>What a network costs for one image of its preprocessing's size.</summary>
/// <param name="Macs">Multiply-adds of convolutions and matrix products; norms, activations and pooling count zero.</param>
/// <param name="Params">Learnable elements.</param>
/// <param name="Blocks">Per block, in the order of the forward pass; stem, tail and classifier are only in the totals.</param>
public sealed record NetworkCosts(long Macs, long Params, IReadOnlyList<BlockCosts> Blocks);

/// <summary>Height and width of a feature map.</summary>
public readonly record struct MapSize(long Height, long Width)
{
    /// <summary>Positions of the map.</summary>
    public long Area => Height * Width;

    /// <summary>What a sliding window leaves of the map.</summary>
    internal MapSize After(long kernel, long stride, long padding) =>
        new(((Height + (2 * padding) - kernel) / stride) + 1, ((Width + (2 * padding) - kernel) / stride) + 1);
}
