namespace Fewshot.Planning;

/// <summary>What dropping a block saves: the share <paramref name="Tau"/> of the network's latency (or MACs) and its standard error (0 for MACs).</summary>
public sealed record BlockCost(string Name, double Tau, double TauStderr);

/// <summary>A block's place in the order of dropping.</summary>
/// <param name="Name">The block.</param>
/// <param name="Tau">Share of the latency that goes with it.</param>
/// <param name="TauStderr">Standard error of <paramref name="Tau"/>.</param>
/// <param name="Value">The criterion's value, such as the recoverability R; smaller is better.</param>
/// <param name="Score">What the order follows; null where the block has no trustworthy score.</param>
/// <param name="Rank">1 is dropped first.</param>
/// <param name="Note">Why there is no score; null where there is one.</param>
public sealed record BlockScore(string Name, double Tau, double TauStderr, double Value, double? Score, int Rank, string? Note);

/// <summary>PRACTISE's order of blocks (arXiv 2202.07861, section 3.2): s = R / tau, smallest first.</summary>
public static class BlockScoring
{
    /// <summary>Standard errors that a tau must exceed to count as measured: two are 97.7 % confidence that it is above zero.</summary>
    public const double NoiseFactor = 2;

    /// <summary>Joins a criterion's values with the blocks' costs by name and ranks them, in the order of <paramref name="values"/> where scores are equal.</summary>
    /// <exception cref="PlanningException">A block has no cost.</exception>
    public static IReadOnlyList<BlockScore> Rank(IEnumerable<(string Name, double Value)> values, IEnumerable<BlockCost> costs, bool perTau = true)
    {
        var known = costs.ToDictionary(c => c.Name, StringComparer.Ordinal);
        return Rank(
            values.Select(v => known.TryGetValue(v.Name, out var cost)
                ? (v.Name, v.Value, cost.Tau, cost.TauStderr)
                : throw new PlanningException($"The latency profile has no block '{v.Name}'. It has: {string.Join(", ", known.Keys)}.")),
            perTau);
    }

    /// <summary>
    /// Ranks blocks by value / tau (or by value alone). A block whose tau is not above its noise, or whose value is not a finite number, has
    /// no score and ranks behind all others, by value, with a note that says so. Equal scores keep the order given.
    /// </summary>
    public static IReadOnlyList<BlockScore> Rank(IEnumerable<(string Name, double Value, double Tau, double TauStderr)> rows, bool perTau = true)
    {
        var scored = rows.Select(r =>
        {
            var note = NoteOn(r, perTau);
            return new BlockScore(r.Name, r.Tau, r.TauStderr, r.Value, note is null ? (perTau ? r.Value / r.Tau : r.Value) : null, 0, note);
        });
        return scored
            .OrderBy(s => s.Score is null)
            .ThenBy(s => s.Score)
            .ThenBy(s => double.IsFinite(s.Value) ? s.Value : double.PositiveInfinity)
            .Select((s, i) => s with { Rank = i + 1 })
            .ToArray();
    }

    private static string? NoteOn((string Name, double Value, double Tau, double TauStderr) row, bool perTau)
    {
        if (!double.IsFinite(row.Value))
            return "no finite value was reached; ranked last";
        if (!perTau)
            return null;
        if (!(row.Tau > 0))
            return $"dropping it saved nothing measurable (tau {row.Tau:0.0000}); ranked last";
        return row.Tau > NoiseFactor * row.TauStderr
            ? null
            : $"tau {row.Tau:0.0000} is not above its noise (standard error {row.TauStderr:0.0000}, {NoiseFactor} of them asked); ranked last";
    }
}
