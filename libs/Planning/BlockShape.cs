namespace Fewshot.Planning;

/// <summary>The one shape that all candidates have, and the arithmetic of compressing n of them; whole numbers throughout, so that no rounding error decides.</summary>
internal sealed class BlockShape
{
    private readonly long attention, mlp;

    private BlockShape(long networkMacs, int candidates, int extraBlocks, BlockParts block)
    {
        (NetworkMacs, Candidates, ExtraBlocks) = (networkMacs, candidates, extraBlocks);
        (attention, mlp, Hidden) = (block.AttentionMacs, block.MlpMacs, block.Hidden);
    }

    public long NetworkMacs { get; }

    public int Candidates { get; }

    public int ExtraBlocks { get; }

    public int Hidden { get; }

    /// <exception cref="PlanningException">No candidate, or they differ.</exception>
    public static BlockShape Of(long networkMacs, IReadOnlyList<BlockParts> candidates, int extraBlocks)
    {
        if (extraBlocks < 0)
            throw new PlanningException($"Extra blocks are 0 or more, not {extraBlocks}.");
        if (candidates.Count == 0)
            throw new PlanningException("There is no block left to compress.");
        var first = candidates[0];
        if (first.AttentionMacs < 1 || first.MlpMacs < 1 || first.Hidden < 1)
            throw new PlanningException($"Block {first.Name} has no attention or no MLP left to compress.");
        if (candidates.FirstOrDefault(b => b with { Name = first.Name } != first) is { } other)
        {
            throw new PlanningException(
                $"Blocks differ in their parts, so that one ratio cannot serve them all: {Parts(first)}, {Parts(other)}. Name only candidates of one shape.");
        }

        if (networkMacs < candidates.Sum(b => b.Macs))
            throw new PlanningException($"The network has {networkMacs} MACs, fewer than its {candidates.Count} candidate blocks together.");
        return new BlockShape(networkMacs, candidates.Count, extraBlocks, first);
    }

    /// <summary>The structure for a target; null where none reaches it.</summary>
    public CompressedStructure? Solve(long target)
    {
        var wanted = NetworkMacs - target;
        var blocks = (int)Math.Min(Candidates + 1L, Math.Max(1, (wanted + attention + mlp - 1) / (attention + mlp)));
        if (KeptBy(blocks, wanted) == 0)
        {
            // One more block, as the paper has it; where that takes too much attention, one hidden unit is within the tolerance too.
            if (blocks + 1 + ExtraBlocks > Candidates || KeptBy(blocks + 1 + ExtraBlocks, wanted) > Hidden)
                return ExtraBlocks == 0 && blocks <= Candidates ? Make(blocks, 1, target) : null;
            blocks++;
        }

        blocks += ExtraBlocks;
        if (blocks > Candidates)
            return null;
        var kept = KeptBy(blocks, wanted);
        return kept < 1 || kept > Hidden ? null : Make(blocks, (int)kept, target);
    }

    /// <summary>Every structure that is the answer to its own MACs.</summary>
    public IEnumerable<CompressedStructure> Reachable()
    {
        for (var blocks = 1; blocks <= Candidates; blocks++)
        {
            for (var kept = Hidden; kept >= 1; kept--)
            {
                var own = MacsOf(blocks, kept);
                if (own > 0 && own < NetworkMacs && Solve(own) is { } answer && answer.Blocks == blocks && answer.KeptHidden == kept)
                    yield return answer;
            }
        }
    }

    /// <summary>round((1 - rho) hidden), halves up; above <see cref="Hidden"/> where rho is below zero.</summary>
    private long KeptBy(int blocks, long wanted)
    {
        Int128 whole = blocks * mlp;
        var doubled = (2 * Hidden * (whole - wanted + (blocks * attention))) + whole;
        return doubled < 0 ? 0 : (long)(doubled / (2 * whole));
    }

    private CompressedStructure Make(int blocks, int kept, long target) => new(blocks, kept, target, MacsOf(blocks, kept));

    private long MacsOf(int blocks, int kept) => NetworkMacs - (blocks * (attention + (mlp * (Hidden - kept) / Hidden)));

    private static string Parts(BlockParts b) =>
        $"{b.Name} has {b.AttentionMacs} MACs in its attention, {b.MlpMacs} in its MLP of {b.Hidden} hidden units and {b.Macs} in all";
}
