using System.Diagnostics;
using System.Text.Json;
using Fewshot.Artifacts;
using Fewshot.Compression;
using Fewshot.Compression.Finetuning;
using Fewshot.Compression.Mimicking;
using Fewshot.Compression.Trials;
using Fewshot.Imaging;
using Fewshot.Models;
using Fewshot.Models.Checkpoints;

namespace Fewshot.Benchmarks.Trials;

/// <summary>Our side of the comparison; prints one JSON object of the script's form.</summary>
internal static class Ours
{
    public static int Run(string what, int iterations, string model, string folder)
    {
        using var teacher = Checkpoint.Import(model, "cifar_resnet56");
        var transform = new EvaluationTransform(32, 0, false, Interpolation.Bilinear, [.. teacher.Spec.Preprocessing.Mean], [.. teacher.Spec.Preprocessing.Std]);
        using var images = new ImageBatches(
            ImageSet.FromFolder(folder).Sample(500, 2021).Load(), transform, TorchSharp.torch.CPU, Augmentation.PaddedCropFlip);
        var progress = new Progress();
        var blocks = teacher.Blocks.Where(b => b.Droppable).Select(b => b.Name).ToArray();
        var start = Stopwatch.GetTimestamp();
        object report;
        if (what == "trials")
        {
            var outcomes = BlockTrials.Run(
                teacher, images, blocks, new TrialSettings(Iterations: iterations), ComputeSettings.Cpu, progress, new MemoryCheckpointStore(), CancellationToken.None);
            report = new
            {
                seconds = Stopwatch.GetElapsedTime(start).TotalSeconds,
                train_seconds = progress.Seconds(iterations),
                blocks = outcomes.ToDictionary(o => o.Block, o => o.Value),
            };
        }
        else
        {
            using var student = teacher.Clone();
            MimicFinetuning.Run(
                teacher, student, images, new TrainingSettings(Iterations: iterations), FeaturePoint.PreGap, ComputeSettings.Cpu, progress,
                new MemoryCheckpointStore(), CancellationToken.None);
            report = new { train_seconds = progress.Seconds(iterations), seconds = Stopwatch.GetElapsedTime(start).TotalSeconds };
        }

        Console.WriteLine(JsonSerializer.Serialize(report));
        return 0;
    }

    /// <summary>Notes when each iteration ended; the first is left out of the rate, as it holds one-time work.</summary>
    private sealed class Progress : IProgress<StepProgress>
    {
        private readonly List<long> ends = [];

        public void Report(StepProgress value) => ends.Add(Stopwatch.GetTimestamp());

        public double Seconds(int iterations) =>
            Stopwatch.GetElapsedTime(ends[0], ends[iterations - 1]).TotalSeconds * iterations / (iterations - 1);
    }
}
