using System.Diagnostics;
using System.Text.Json;
using Fewshot.Artifacts;
using Fewshot.Compression;
using Fewshot.Compression.Synthesis;
using Fewshot.Models;

namespace Fewshot.Benchmarks.Synthesis;

/// <summary>Our side of the comparison; prints one JSON object of the script's form.</summary>
internal static class Ours
{
    public static int Run(Case one, int iterations, string folder)
    {
        using var teacher = Checkpoint.Import(Path.Combine(folder, one.File), one.Architecture, new ImportOptions(standard => one.Heads is null ? standard : Halves(standard), one.Heads));
        var progress = new Progress();
        var outcome = BatchSynthesis.Run(
            teacher, student: null, new SynthesisSettings(Case.Images, Iterations: iterations), ComputeSettings.Cpu, progress, new MemoryCheckpointStore(), CancellationToken.None);
        Console.WriteLine(JsonSerializer.Serialize(new
        {
            seconds_per_step = progress.SecondsPerStep,
            first_loss = progress.Losses[0],
            best_loss = progress.Losses.Min(),
            teacher_top1 = (double)outcome.Agreed / Case.Images,
        }));
        return 0;
    }

    private static Preprocessing Halves(Preprocessing standard) =>
        standard with { Mean = [.. standard.Mean.Select(_ => 0.5)], Std = [.. standard.Std.Select(_ => 0.5)] };

    /// <summary>Notes when each step ended; the first is left out of the rate, as it holds one-time work.</summary>
    private sealed class Progress : IProgress<StepProgress>
    {
        private readonly List<long> ends = [];

        public List<double> Losses { get; } = [];

        public double SecondsPerStep => Stopwatch.GetElapsedTime(ends[0], ends[^1]).TotalSeconds / (ends.Count - 1);

        public void Report(StepProgress value)
        {
            ends.Add(Stopwatch.GetTimestamp());
            Losses.Add(value.Metric!.Value);
        }
    }
}
