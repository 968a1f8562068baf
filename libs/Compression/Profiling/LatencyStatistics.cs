namespace Fewshot.Compression.Profiling;

/// <summary>Summaries of repeated timings.</summary>
public static class LatencyStatistics
{
    /// <summary>The value below which a fraction of the sorted samples lies, linearly interpolated.</summary>
    public static double Quantile(IReadOnlyList<double> sorted, double fraction)
    {
        var position = fraction * (sorted.Count - 1);
        var low = (int)position;
        var high = Math.Min(low + 1, sorted.Count - 1);
        return sorted[low] + (position - low) * (sorted[high] - sorted[low]);
    }

    /// <summary>Mean and standard error of the mean.</summary>
    public static (double Mean, double StandardError) Mean(IReadOnlyList<double> samples)
    {
        var mean = samples.Average();
        if (samples.Count < 2)
            return (mean, double.PositiveInfinity);
        var variance = samples.Sum(s => (s - mean) * (s - mean)) / (samples.Count - 1);
        return (mean, Math.Sqrt(variance / samples.Count));
    }

    /// <summary>
    /// Median and its standard error, from the interquartile range (1.2533 sigma / sqrt(n), sigma = IQR / 1.349): a pass
    /// that another process disturbed moves neither.
    /// </summary>
    public static (double Median, double StandardError) Median(IEnumerable<double> samples)
    {
        var sorted = samples.Order().ToArray();
        var median = Quantile(sorted, 0.5);
        if (sorted.Length < 4)
            return (median, double.PositiveInfinity);
        var sigma = (Quantile(sorted, 0.75) - Quantile(sorted, 0.25)) / 1.349;
        return (median, 1.2533 * sigma / Math.Sqrt(sorted.Length));
    }
}
