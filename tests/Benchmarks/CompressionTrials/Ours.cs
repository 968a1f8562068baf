using System.Diagnostics;
using System.Text.Json;
using Fewshot.Artifacts;
using Fewshot.Compression;
using Fewshot.Compression.Edits;
using Fewshot.Compression.Mimicking;
using Fewshot.Compression.Trials;
using Fewshot.Imaging;
using Fewshot.Models;
using Fewshot.Models.Checkpoints;
using TorchSharp;

namespace Fewshot.Benchmarks.CompressionTrials;

/// <summary>Our side of the comparison; prints one JSON object of the script's form.</summary>
internal static class Ours
{
    public static int Trials(int iterations, string model, string folder)
    {
        using var teacher = Checkpoint.Import(model, "vit", new ImportOptions(p => p with { Mean = [0.5], Std = [0.5] }, Heads: 4));
        var all = ImageSet.FromFolder(folder).Load();
        var picked = new ImageSet([.. all.Entries.OrderBy(entry => entry.Name, StringComparer.Ordinal).Where((_, i) => i % (all.Entries.Count / Setting.Images) == 0).Take(Setting.Images)], all.ClassCount);
        using var images = new ImageBatches(picked, NetworkImages.TransformOf(teacher.Spec.Preprocessing), torch.CPU);
        var clock = new IterationClock();
        var edits = Enumerable.Range(1, Setting.Candidates).Select(block => new RequestedEdit(Setting.Edit(block))).ToArray();
        var trials = Compression.Trials.CompressionTrials.Run(
            teacher, images, images, edits, CompressionMetric.TrainLoss, new MimicSettings(Iterations: iterations, BatchSize: Setting.Images, Initialization: Initialization.Reused),
            ComputeSettings.Cpu, clock, new MemoryCheckpointStore(), CancellationToken.None);
        Console.WriteLine(JsonSerializer.Serialize(new
        {
            iteration_seconds = clock.SecondsEach,
            first = trials.ToDictionary(t => t.Block, t => t.FirstLoss),
            last = trials.ToDictionary(t => t.Block, t => t.LastLoss),
        }));
        foreach (var trial in trials)
            trial.Network.Dispose();
        return 0;
    }

    /// <summary>One trial of ViT-B with random weights on noise: memory does not depend on what the numbers are.</summary>
    public static int Memory(int batch)
    {
        using var teacher = ModelCatalog.Build(ModelCatalog.Find("vit_base_patch16_224").Spec());
        var noise = new Random(1);
        var entries = Enumerable.Range(0, batch).Select(i =>
        {
            var pixels = new byte[3 * 224 * 224];
            noise.NextBytes(pixels);
            return new ImageSetEntry($"{i}.png", PngEncoder.Encode(new Image(224, 224, 3, pixels)), 0);
        });
        using var images = new ImageBatches(new ImageSet([.. entries], 1), NetworkImages.TransformOf(teacher.Spec.Preprocessing), torch.CPU);
        var clock = new IterationClock();
        var trial = Compression.Trials.CompressionTrials.Run(
            teacher, images, images, [new RequestedEdit(new CompressBlock("blocks.10", 1152))], CompressionMetric.CrossEntropy, new MimicSettings(Iterations: 3, BatchSize: batch),
            ComputeSettings.Cpu, clock, new FileCheckpoint(), CancellationToken.None)[0];
        trial.Network.Dispose();
        var peak = File.ReadLines("/proc/self/status").First(line => line.StartsWith("VmHWM", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        Console.WriteLine(JsonSerializer.Serialize(new { peak_bytes = long.Parse(peak) * 1024, iteration_seconds = clock.SecondsEach }));
        return 0;
    }

    /// <summary>As the services have them, checkpoints leave the process.</summary>
    private sealed class FileCheckpoint : ICheckpointStore
    {
        public Stream? OpenNewest() => null;

        public void Save(Action<Stream> write)
        {
            using var file = new FileStream(Path.GetTempFileName(), FileMode.Create, FileAccess.ReadWrite, FileShare.None, 4096, FileOptions.DeleteOnClose);
            write(file);
        }
    }

    /// <summary>Notes when each iteration ended; the first is left out of the rate, as it holds one-time work.</summary>
    private sealed class IterationClock : IProgress<StepProgress>
    {
        private readonly List<long> ends = [];

        public double SecondsEach => Stopwatch.GetElapsedTime(ends[0], ends[^1]).TotalSeconds / (ends.Count - 1);

        public void Report(StepProgress value) => ends.Add(Stopwatch.GetTimestamp());
    }
}
