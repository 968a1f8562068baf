namespace Fewshot.Planning;

/// <summary>Blocks whose joint reduction was measured.</summary>
/// <param name="Blocks">The chosen blocks in the order of dropping.</param>
/// <param name="Reduction">The measured reduction of dropping them all, a share.</param>
/// <param name="Measured">Every number of blocks that was tried, with its measured reduction, ascending.</param>
public sealed record MeasuredChoice(IReadOnlyList<string> Blocks, double Reduction, IReadOnlyList<(int Count, double Reduction)> Measured);

/// <summary>Which blocks go, given their order. Every list returned is in the order of dropping.</summary>
public static class BlockChoice
{
    /// <summary>The first k blocks.</summary>
    /// <exception cref="PlanningException">k is below 1 or more than there are droppable blocks.</exception>
    public static IReadOnlyList<string> ByCount(IReadOnlyList<BlockScore> scores, int k)
    {
        CheckCount(scores.Select(s => s.Name), k);
        return Prefix(scores, k);
    }

    /// <summary>Checks a number of blocks before any work is spent on scoring them.</summary>
    /// <inheritdoc cref="ByCount"/>
    public static void CheckCount(IEnumerable<string> droppable, int k)
    {
        var names = droppable.ToArray();
        if (k < 1 || k > names.Length)
            throw new PlanningException($"Cannot drop {k} blocks: from 1 to {names.Length} can go. {List(names)}");
    }

    /// <summary>The named blocks, each droppable and named once.</summary>
    /// <exception cref="PlanningException">A name is unknown, not droppable or given twice, or none is given.</exception>
    public static IReadOnlyList<string> ByNames(IReadOnlyList<BlockScore> scores, IEnumerable<string> names)
    {
        var chosen = CheckNames(scores.Select(s => s.Name), names).ToHashSet(StringComparer.Ordinal);
        return scores.Select(s => s.Name).Where(chosen.Contains).ToArray();
    }

    /// <summary>Checks names before any work is spent, and returns them.</summary>
    /// <inheritdoc cref="ByNames"/>
    public static IReadOnlyList<string> CheckNames(IEnumerable<string> droppable, IEnumerable<string> names)
    {
        var known = droppable.ToArray();
        var chosen = names.ToArray();
        if (chosen.Length == 0)
            throw new PlanningException($"No block is named. {List(known)}");
        if (chosen.Except(known, StringComparer.Ordinal).ToArray() is { Length: > 0 } unknown)
            throw new PlanningException($"Not a droppable block: {string.Join(", ", unknown.Select(Shown))}. {List(known)}");
        if (chosen.GroupBy(n => n, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw new PlanningException($"Block {twice.Key} is named {twice.Count()} times.");
        return chosen;
    }

    /// <summary>The fewest blocks, in the order of dropping, whose computed reduction (MACs, params) reaches the target.</summary>
    /// <param name="scores">The order.</param>
    /// <param name="reductionOf">The share that dropping these blocks together takes off.</param>
    /// <param name="target">The share wanted, above 0 and below 1.</param>
    /// <exception cref="PlanningException">No number of blocks reaches the target; the message gives the largest reduction there is.</exception>
    public static IReadOnlyList<string> ByReduction(IReadOnlyList<BlockScore> scores, Func<IReadOnlyList<string>, double> reductionOf, double target)
    {
        CheckTarget(target);
        var largest = 0.0;
        for (var count = 1; count <= scores.Count; count++)
        {
            var blocks = Prefix(scores, count);
            var reduction = reductionOf(blocks);
            if (reduction >= target)
                return blocks;
            largest = Math.Max(largest, reduction);
        }

        throw Unreachable(scores, largest, target, "");
    }

    /// <summary>
    /// The fewest blocks, in the order of dropping, whose joint network was <em>measured</em> to reach the target: n meets it and n - 1 was
    /// measured and does not. The sum of the blocks' taus only says where to measure first, because latencies do not add up.
    /// </summary>
    /// <param name="scores">The order.</param>
    /// <param name="measureJoint">Measures sets of blocks, each dropped together, interleaved in one go; gives their reductions as shares.</param>
    /// <param name="target">The share wanted, above 0 and below 1.</param>
    /// <exception cref="PlanningException">Even all blocks do not reach the target; the message gives what they do reach.</exception>
    public static async Task<MeasuredChoice> ByMeasuredReductionAsync(
        IReadOnlyList<BlockScore> scores, Func<IReadOnlyList<IReadOnlyList<string>>, Task<IReadOnlyList<double>>> measureJoint, double target)
    {
        CheckTarget(target);
        if (scores.Count == 0)
            throw new PlanningException("The network has no droppable block.");
        var measured = new SortedDictionary<int, double>();
        var next = Around(ExpectedCount(scores, target), scores.Count);
        while (next.Length > 0)
        {
            var reductions = await measureJoint(next.Select(n => Prefix(scores, n)).ToArray());
            if (reductions.Count != next.Length)
                throw new InvalidOperationException($"{next.Length} sets were to be measured, {reductions.Count} results came back.");
            for (var i = 0; i < next.Length; i++)
                measured.Add(next[i], reductions[i]);
            next = NextToMeasure(measured, scores.Count, target);
        }

        var tried = measured.Select(m => (m.Key, m.Value)).ToArray();
        foreach (var (count, reduction) in measured)
        {
            if (reduction >= target)
                return new MeasuredChoice(Prefix(scores, count), reduction, tried);
        }

        throw Unreachable(scores, measured.Values.Max(), target, "measured ");
    }

    /// <summary>The numbers of blocks to measure next; none when the measurements decide.</summary>
    private static int[] NextToMeasure(SortedDictionary<int, double> measured, int most, double target)
    {
        int? meets = null;
        foreach (var (count, reduction) in measured)
        {
            if (reduction >= target)
            {
                meets = count;
                break;
            }
        }

        if (meets is null)
        {
            var last = measured.Keys.Max();
            return Enumerable.Range(last + 1, Math.Min(2, most - last)).ToArray();
        }

        return meets == 1 || measured.ContainsKey(meets.Value - 1)
            ? []
            : Enumerable.Range(1, meets.Value - 1).Where(n => !measured.ContainsKey(n)).TakeLast(2).ToArray();
    }

    private static int[] Around(int expected, int most) => Enumerable.Range(expected - 1, 3).Where(n => n >= 1 && n <= most).ToArray();

    private static int ExpectedCount(IReadOnlyList<BlockScore> scores, double target)
    {
        var sum = 0.0;
        for (var count = 1; count <= scores.Count; count++)
        {
            sum += Math.Max(0, scores[count - 1].Tau);
            if (sum >= target)
                return count;
        }

        return scores.Count;
    }

    private static string[] Prefix(IReadOnlyList<BlockScore> scores, int count) => scores.OrderBy(s => s.Rank).Take(count).Select(s => s.Name).ToArray();

    internal static void CheckTarget(double target)
    {
        if (!(target is > 0 and < 1))
            throw new PlanningException($"A reduction is a share above 0 and below 1 (0.2 is 20 %), not {target}.");
    }

    private static PlanningException Unreachable(IReadOnlyList<BlockScore> scores, double largest, double target, string how) => new(
        $"A reduction of {target:P1} cannot be reached by dropping blocks: the largest {how}one is {largest:P1}, with {scores.Count} blocks gone. " +
        List(scores.Select(s => s.Name)));

    private static string List(IEnumerable<string> droppable) => $"Droppable blocks: {string.Join(", ", droppable)}.";

    private static string Shown(string name) => $"'{string.Concat(name.Take(80).Select(c => char.IsControl(c) ? '?' : c))}'";
}
