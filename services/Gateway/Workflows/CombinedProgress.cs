using System.Diagnostics;

namespace Fewshot.Gateway.Workflows;

/// <summary>Several steps of one stage seen as one progress, weighted by their sizes, with the time left for the whole.</summary>
/// <param name="stage">The stage's name.</param>
/// <param name="sizes">How many units each part has.</param>
public sealed class CombinedProgress(string stage, IReadOnlyList<long> sizes)
{
    private readonly Lock gate = new();
    private readonly double[] done = new double[sizes.Count];
    private (double Done, long Time)? since;

    /// <summary>Takes a part's progress and gives the whole's. A part that was found done reports its end only and does not count into the rate.</summary>
    public Jobs.ProgressNote Report(int part, long completed, long total, string metricName, double metric, bool found = false)
    {
        lock (gate)
        {
            var before = done[part];
            done[part] = sizes[part] * (found ? 1.0 : total > 0 ? Math.Min(1.0, (double)completed / total) : 0.0);
            var all = done.Sum();
            if (since is null || found)
                since = since is { } s ? (s.Done + done[part] - before, s.Time) : found ? null : (all, Stopwatch.GetTimestamp());
            double? left = since is { } start && all > start.Done
                ? Stopwatch.GetElapsedTime(start.Time).TotalSeconds * (sizes.Sum() - all) / (all - start.Done)
                : null;
            return new Jobs.ProgressNote(stage, (long)Math.Round(all), sizes.Sum(), metricName, metric, left);
        }
    }
}
