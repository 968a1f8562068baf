namespace Fewshot.Compression.Profiling;

/// <summary>
/// The order in which passes are timed, and what they took, microseconds. A round goes once over the candidates in groups of a few, with a pass of the
/// original before the first group and after each; a candidate is compared with the two originals around its group. Every round begins one candidate on.
/// </summary>
internal sealed class LatencyRounds(int candidates)
{
    private const int Group = 6;
    private readonly List<double>[] times = [.. Enumerable.Range(0, candidates).Select(_ => new List<double>())];
    private readonly List<double>[] taus = [.. Enumerable.Range(0, candidates).Select(_ => new List<double>())];

    /// <summary>Every pass of the original.</summary>
    public List<double> Original { get; } = [];

    /// <summary>One time a round.</summary>
    public IReadOnlyList<double> Times(int candidate) => times[candidate];

    /// <summary>One latency reduction a round.</summary>
    public IReadOnlyList<double> Taus(int candidate) => taus[candidate];

    /// <param name="round">Counted from 0.</param>
    /// <param name="time">Times one pass of a candidate, or of the original for null.</param>
    /// <param name="keep">False in warm-up rounds.</param>
    public void Run(int round, Func<int?, double> time, bool keep)
    {
        var order = Enumerable.Range(0, candidates).Select(i => (i + round) % candidates);
        var before = time(null);
        var originals = new List<double> { before };
        foreach (var group in order.Chunk(Group))
        {
            var taken = Array.ConvertAll(group, candidate => time(candidate));
            var after = time(null);
            originals.Add(after);
            var reference = (before + after) / 2;
            for (var i = 0; keep && i < group.Length; i++)
            {
                times[group[i]].Add(taken[i]);
                taus[group[i]].Add((reference - taken[i]) / reference);
            }

            before = after;
        }

        if (keep)
            Original.AddRange(originals);
    }
}
