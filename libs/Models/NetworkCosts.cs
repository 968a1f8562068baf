namespace Fewshot.Models;

/// <summary>What a block is and costs.</summary>
/// <param name="Name">As in the unpruned variant.</param>
/// <param name="Stage">Counted from 0.</param>
/// <param name="Droppable">Its shortcut is the identity, so that the stream can pass it by: never the first of a stage that makes its own stream.</param>
/// <param name="Macs">Multiply-adds for one image.</param>
/// <param name="Params">Learnable elements.</param>
/// <param name="AttentionMacs">Those of its attention with the norm before it; 0 where it has none.</param>
/// <param name="MlpMacs">Those of its MLP without its norm; 0 where it has none.</param>
/// <param name="Hidden">Hidden units of its MLP; 0 where it has none.</param>
/// <param name="Compressible"><see cref="CompressBlock"/> takes it.</param>
/// <param name="CheckpointName">In the checkpoint of this network, where dropped blocks leave no gap.</param>
public sealed record BlockCosts(
    string Name, int Stage, bool Droppable, long Macs, long Params, long AttentionMacs = 0, long MlpMacs = 0, long Hidden = 0, bool Compressible = false,
    string CheckpointName = "");

/// <summary>What a network costs for one image of its preprocessing's size.</summary>
/// <param name="Macs">Multiply-adds under the convention asked for.</param>
/// <param name="Params">Learnable elements.</param>
/// <param name="Blocks">Per block, in the order of the forward pass; stem, tail and classifier are only in the totals.</param>
/// <param name="HasBatchNorm">Some of its norms are batch norms.</param>
public sealed record NetworkCosts(long Macs, long Params, IReadOnlyList<BlockCosts> Blocks, bool HasBatchNorm);

/// <summary>Height and width of a feature map.</summary>
public readonly record struct MapSize(long Height, long Width)
{
    /// <summary>Positions of the map.</summary>
    public long Area => Height * Width;

    /// <summary>What a sliding window leaves of the map.</summary>
    internal MapSize After(long kernel, long stride, long padding) =>
        new(((Height + (2 * padding) - kernel) / stride) + 1, ((Width + (2 * padding) - kernel) / stride) + 1);
}
