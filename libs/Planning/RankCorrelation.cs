namespace Fewshot.Planning;

/// <summary>How far two orders agree.</summary>
public static class RankCorrelation
{
    /// <summary>Spearman's rho: Pearson's correlation of the ranks, ties sharing their mean rank. NaN where one side is constant.</summary>
    /// <exception cref="ArgumentException">The lengths differ or are below 2.</exception>
    public static double Spearman(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        if (a.Count != b.Count || a.Count < 2)
            throw new ArgumentException($"Two lists of one length from 2 are needed, not {a.Count} and {b.Count}.");
        double[] x = Ranks(a), y = Ranks(b);
        // Ranks with ties averaged keep their mean.
        var mean = (a.Count + 1) / 2.0;
        double xy = 0, xx = 0, yy = 0;
        for (var i = 0; i < x.Length; i++)
        {
            xy += (x[i] - mean) * (y[i] - mean);
            xx += (x[i] - mean) * (x[i] - mean);
            yy += (y[i] - mean) * (y[i] - mean);
        }

        return xy / Math.Sqrt(xx * yy);
    }

    private static double[] Ranks(IReadOnlyList<double> values)
    {
        var order = Enumerable.Range(0, values.Count).OrderBy(i => values[i]).ToArray();
        var ranks = new double[values.Count];
        for (int start = 0, end; start < order.Length; start = end)
        {
            for (end = start + 1; end < order.Length && values[order[end]].Equals(values[order[start]]); end++)
            {
            }

            for (var i = start; i < end; i++)
                ranks[order[i]] = (start + 1 + end) / 2.0;
        }

        return ranks;
    }
}
