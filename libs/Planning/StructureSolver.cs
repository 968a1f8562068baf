using System.Globalization;

namespace Fewshot.Planning;

/// <summary>
/// DC-ViT's structure for a MACs target (arXiv 2403.18708): n = ceil((M_O - M_P) / (M_attn + M_mlp)) blocks, the fewest that can do it, each
/// without its attention and with the share rho = (M_O - M_P - n M_attn) / (n M_mlp) of its hidden units gone. It says how many blocks, not
/// which: all blocks of a vision transformer are of one shape.
/// </summary>
/// <remarks>
/// Networks without such blocks (CNNs, Swin's pairs) lose whole blocks through <see cref="BlockChoice.ByReduction"/>; a ratio is then a bound
/// that is met, not a value that is hit, because whole blocks come in steps.
/// </remarks>
public static class StructureSolver
{
    /// <summary>The structure that brings the network to a share of its MACs.</summary>
    /// <param name="networkMacs">M_O, the whole network's MACs for one image.</param>
    /// <param name="candidates">The blocks that may be compressed, all of equal parts.</param>
    /// <param name="macsRatio">M_P / M_O, above 0 and below 1.</param>
    /// <param name="extraBlocks">Blocks beyond the fewest (the paper's n + 1 ablation): more attention goes, wider MLPs stay.</param>
    /// <exception cref="PlanningException">
    /// The ratio is outside (0, 1), no structure reaches it (the message names the nearest targets that can be reached), there is no candidate
    /// left, or candidates differ in their parts.
    /// </exception>
    public static CompressedStructure Solve(long networkMacs, IReadOnlyList<BlockParts> candidates, double macsRatio, int extraBlocks = 0)
    {
        CheckRatio(macsRatio);
        var shape = BlockShape.Of(networkMacs, candidates, extraBlocks);
        var target = TargetOf(networkMacs, macsRatio);
        return shape.Solve(target) ?? throw Infeasible(shape, target, macsRatio);
    }

    /// <summary>As <see cref="Solve"/>, but null where no structure reaches the ratio.</summary>
    /// <exception cref="PlanningException">The ratio is outside (0, 1), there is no candidate left, or candidates differ in their parts.</exception>
    public static CompressedStructure? TrySolve(long networkMacs, IReadOnlyList<BlockParts> candidates, double macsRatio, int extraBlocks = 0)
    {
        CheckRatio(macsRatio);
        return BlockShape.Of(networkMacs, candidates, extraBlocks).Solve(TargetOf(networkMacs, macsRatio));
    }

    /// <summary>
    /// Every structure that <see cref="Solve"/> can give, by falling MACs: for each number of blocks a run of kept hidden units, one apart. Gaps
    /// are between runs, where attention modules hold more MACs than the MLPs (each row's target is what it achieves).
    /// </summary>
    /// <inheritdoc cref="Solve"/>
    public static IReadOnlyList<CompressedStructure> Table(long networkMacs, IReadOnlyList<BlockParts> candidates, int extraBlocks = 0)
    {
        var shape = BlockShape.Of(networkMacs, candidates, extraBlocks);
        return shape.Reachable().OrderByDescending(s => s.Macs).ToArray();
    }

    private static long TargetOf(long networkMacs, double macsRatio) => (long)Math.Round(macsRatio * networkMacs);

    internal static void CheckRatio(double ratio)
    {
        if (!(ratio is > 0 and < 1))
            throw new PlanningException($"A MACs ratio is above 0 and below 1 (0.75 keeps 75 %), not {ratio.ToString(CultureInfo.InvariantCulture)}.");
    }

    private static PlanningException Infeasible(BlockShape shape, long target, double ratio)
    {
        CompressedStructure? above = null, below = null;
        foreach (var structure in shape.Reachable())
        {
            if (structure.Macs > target && (above is null || structure.Macs < above.Macs))
                above = structure;
            else if (structure.Macs <= target && (below is null || structure.Macs > below.Macs))
                below = structure;
        }

        var nearest = new[] { above, below }.Where(s => s is not null).Select(s => Shown(shape, s!)).ToArray();
        var extra = shape.ExtraBlocks == 0 ? "" : $" with {shape.ExtraBlocks} more than the fewest";
        return new PlanningException(
            $"A MACs ratio of {ratio.ToString(CultureInfo.InvariantCulture)} cannot be reached by compressing up to {shape.Candidates} blocks{extra}" +
            (nearest.Length == 0 ? "; no ratio can." : $". Nearest: {string.Join(", or ", nearest)}."));
    }

    // Six digits: a hidden unit of a very large transformer (32 blocks of 5120) is still eight of the last place.
    private static string Shown(BlockShape shape, CompressedStructure s) => string.Create(
        CultureInfo.InvariantCulture, $"{(double)s.Macs / shape.NetworkMacs:0.000000} ({s.Blocks} {(s.Blocks == 1 ? "block" : "blocks")} keeping {s.KeptHidden} of {shape.Hidden} hidden units)");
}
