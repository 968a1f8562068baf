namespace Fewshot.Planning;

/// <summary>A structure whose latency reduction was measured.</summary>
/// <param name="Structure">The largest structure found that meets the target.</param>
/// <param name="Reduction">Its measured reduction, a share.</param>
/// <param name="Measured">Every structure that was tried, with its measured reduction, by falling MACs.</param>
public sealed record MeasuredStructure(
    CompressedStructure Structure, double Reduction, IReadOnlyList<(CompressedStructure Structure, double Reduction)> Measured);

/// <summary>The structure for a latency target: latencies follow MACs only roughly, so a few structures are measured and the target is closed in on.</summary>
public static class StructureSearch
{
    /// <summary>A bracket this narrow, as a share of the network's MACs, is not cut further: latencies are not measured finer.</summary>
    public const double Resolution = 0.005;

    private const int Rounds = 4;

    /// <summary>
    /// The largest structure (fewest MACs taken) of those measured whose measured reduction meets the target; the largest measured one that does
    /// not is within <see cref="Resolution"/> of it in MACs, or after four rounds (three structures, then at most two each) as near as they came.
    /// </summary>
    /// <param name="networkMacs">The whole network's MACs for one image.</param>
    /// <param name="candidates">The blocks that may be compressed, all of equal parts.</param>
    /// <param name="measure">Measures a few structures, interleaved in one go; gives their latency reductions as shares, in order.</param>
    /// <param name="target">The reduction wanted, above 0 and below 1.</param>
    /// <param name="extraBlocks">As in <see cref="StructureSolver.Solve"/>.</param>
    /// <exception cref="PlanningException">No structure reaches the target (the message gives the largest measured reduction), or there is nothing to compress.</exception>
    public static async Task<MeasuredStructure> ByMeasuredReductionAsync(
        long networkMacs, IReadOnlyList<BlockParts> candidates, Func<IReadOnlyList<CompressedStructure>, Task<IReadOnlyList<double>>> measure, double target,
        int extraBlocks = 0)
    {
        BlockChoice.CheckTarget(target);
        var table = StructureSolver.Table(networkMacs, candidates, extraBlocks);
        if (table.Count == 0)
            throw new PlanningException($"No structure can be reached with {candidates.Count} blocks and {extraBlocks} more than the fewest.");
        var taken = table.Select(s => 1 - ((double)s.Macs / networkMacs)).ToArray();
        var measured = new SortedDictionary<int, double>();
        var next = Nearest(taken, measured, 0, table.Count - 1, [0.8 * target, target, 1.25 * target]);
        for (var round = 1; next.Count > 0; round++)
        {
            var reductions = await measure(next.Select(i => table[i]).ToArray());
            if (reductions.Count != next.Count)
                throw new InvalidOperationException($"{next.Count} structures were to be measured, {reductions.Count} results came back.");
            for (var i = 0; i < next.Count; i++)
                measured.Add(next[i], reductions[i]);
            next = round < Rounds || !measured.Values.Any(r => r >= target) ? NextToMeasure(taken, measured, target) : [];
        }

        var tried = measured.Select(m => (table[m.Key], m.Value)).ToArray();
        foreach (var (index, reduction) in measured)
        {
            if (reduction >= target)
                return new MeasuredStructure(table[index], reduction, tried);
        }

        throw new PlanningException(
            $"A latency reduction of {target:P1} cannot be reached by compressing up to {candidates.Count} blocks: the largest measured one is {measured.Values.Max():P1}.");
    }

    /// <summary>Where to look next between the last structure that fails and the first that meets; none when they are near enough.</summary>
    private static List<int> NextToMeasure(double[] taken, SortedDictionary<int, double> measured, double target)
    {
        var (below, above) = (-1, taken.Length);
        foreach (var (index, reduction) in measured)
        {
            if (reduction >= target)
            {
                above = index;
                break;
            }

            below = index;
        }

        if (above == taken.Length)
        {
            // Nothing meets it: go on by proportion, and try the smallest structure of all, which decides whether anything can.
            var gain = measured[below] > 0 ? taken[below] * target / measured[below] : 1;
            return below == taken.Length - 1 ? [] : Nearest(taken, measured, below + 1, taken.Length - 1, [gain, taken[^1]]);
        }

        var (x0, y0) = below < 0 ? (0, 0) : (taken[below], measured[below]);
        var (x1, y1) = (taken[above], measured[above]);
        if (x1 - x0 <= Resolution || above - below <= 1)
            return [];
        // Just past the point where a straight line meets the target, and half as far back: most brackets close from both sides at once.
        var crossing = x0 + ((x1 - x0) * (target - y0) / (y1 - y0));
        return Nearest(taken, measured, below + 1, above - 1, [crossing + (Resolution / 2), crossing - (Resolution / 2)]);
    }

    /// <summary>The unmeasured structures of a run that are nearest to these shares, without repeats, by falling MACs.</summary>
    private static List<int> Nearest(double[] taken, SortedDictionary<int, double> measured, int first, int last, double[] shares)
    {
        var found = new SortedSet<int>();
        foreach (var share in shares)
        {
            var nearest = -1;
            for (var i = first; i <= last; i++)
            {
                if (!measured.ContainsKey(i) && !found.Contains(i) && (nearest < 0 || Math.Abs(taken[i] - share) < Math.Abs(taken[nearest] - share)))
                    nearest = i;
            }

            if (nearest >= 0)
                found.Add(nearest);
        }

        return [.. found];
    }
}
