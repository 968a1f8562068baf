using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Fewshot.Artifacts;
using Fewshot.Compression.Edits;
using Fewshot.Compression.Finetuning;
using Fewshot.Compression.Mimicking;
using Fewshot.Compression.Trials;
using Fewshot.Models;
using TorchSharp;

namespace Fewshot.Compression.Tests;

/// <summary>DC-ViT's trials and progressive steps on a small transformer and a small CNN.</summary>
public sealed class CompressionTrialsTests : IDisposable
{
    private const string Python = "/usr/bin/python3";
    private const string Tiny = "vit_d24_l4_h4_m40_p8";
    private static readonly MimicSettings Settings = new(Seed: 7, Iterations: 6, BatchSize: 8, LearningRate: 1e-3);
    private readonly string folder = Directory.CreateTempSubdirectory("fewshot-compression-").FullName;

    [SkippableTheory]
    [InlineData(Initialization.Reused, 2e-3)]
    [InlineData(Initialization.Ridge, 2e-4)]
    public void Run_FixedBatch_EqualsPyTorch(Initialization initialization, double rate)
    {
        Skip.IfNot(File.Exists(Python) && Start(["-c", "import torch"]).ExitCode == 0, "python3-torch is not installed");
        var settings = new MimicSettings(Iterations: 12, BatchSize: SmallSet.Count, LearningRate: rate, Initialization: initialization);
        CompressBlock[] edits = [new("blocks.1", 11, Seed: 3), new("blocks.2", 25, Seed: 3)];
        using var teacher = Network();
        using var images = SmallSet.Batches(Imaging.Augmentation.None);
        using var metric = SmallSet.Batches(Imaging.Augmentation.None, 5);
        Checkpoint.Save(teacher, Path.Combine(folder, "weights.safetensors"));
        Write(images, SmallSet.Count, "images.f32");
        Write(metric, 5, "metric.f32");

        var ours = Run(teacher, images, metric, edits, settings);
        var (exit, output) = Start(
        [
            Path.Combine(AppContext.BaseDirectory, "compression_oracle.py"), Path.Combine(folder, "weights.safetensors"), "4", Path.Combine(folder, "images.f32"), $"{SmallSet.Count}",
            Path.Combine(folder, "metric.f32"), "5", "12", rate.ToString("R", CultureInfo.InvariantCulture), initialization == Initialization.Ridge ? "ridge" : "reused",
            .. edits.Select(edit => $"{edit.Block[7..]}:{string.Join(',', edit.UnitsOf(40)!)}"),
        ]);

        Assert.True(exit == 0, output);
        var oracle = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ').Select(n => double.Parse(n, CultureInfo.InvariantCulture)).ToArray()).ToArray();
        for (var i = 0; i < edits.Length; i++)
        {
            Assert.Equal(oracle[i][0], ours[i].FirstLoss, 1e-4 * oracle[i][0]);
            Assert.Equal(oracle[i][1], ours[i].LastLoss, 2e-3 * oracle[i][1]);
            Assert.Equal(oracle[i][2], ours[i].Metric, 1e-3 * oracle[i][2]);
            Assert.True(ours[i].LastLoss < ours[i].FirstLoss, "the trial should have trained something");
        }
    }

    [Theory]
    [InlineData(FeaturePoint.PreGap)]
    [InlineData(FeaturePoint.PostGap)]
    [InlineData(FeaturePoint.LastTrained)]
    public void Run_AloneOrInAGroup_SameBits(FeaturePoint point)
    {
        var settings = Settings with { FeaturePoint = point };
        using var teacher = Network();
        using var images = SmallSet.Batches();
        using var metric = SmallSet.Batches(Imaging.Augmentation.None, 5);
        CompressBlock[] edits = [new("blocks.1", 11, Seed: 3), new("blocks.2", 25, Seed: 3)];
        var together = Run(teacher, images, metric, edits, settings, CompressionMetric.Mse);
        foreach (var (edit, inGroup) in edits.Zip(together))
        {
            var alone = Run(teacher, images, metric, [edit], settings, CompressionMetric.Mse)[0];
            Assert.Equal(inGroup.Metric, alone.Metric);
            AssertSame(inGroup.State, alone.State);
        }
    }

    [Fact]
    public void Run_CompressedBlock_TrainsUpToItAndLeavesTheRest()
    {
        using var teacher = Network();
        using var images = SmallSet.Batches();
        var trial = Run(teacher, images, images, [new("blocks.1", 20, Seed: 3)], Settings with { Initialization = Initialization.Reused })[0];
        var before = teacher.State().ToDictionary(item => item.Name, item => item.Value.data<float>().ToArray());
        foreach (var (name, after) in trial.State)
        {
            var trained = !name.StartsWith("blocks.2", StringComparison.Ordinal) && !name.StartsWith("blocks.3", StringComparison.Ordinal) && !name.StartsWith("norm", StringComparison.Ordinal)
                && !name.StartsWith("head", StringComparison.Ordinal);
            Assert.Equal(trained, !after.AsSpan().SequenceEqual(before[name]));
        }
    }

    [Fact]
    public void Run_InterruptedAndContinued_SameBitsAsUndisturbed()
    {
        using var teacher = Network();
        using var images = SmallSet.Batches();
        CompressBlock[] edits = [new("blocks.1", 11), new("blocks.2", 25)];
        var undisturbed = Run(teacher, images, images, edits, Settings);
        var checkpoints = new MemoryCheckpointStore();
        using (var cancel = new CancelAfter(3))
            Assert.Throws<OperationCanceledException>(() => Run(teacher, images, images, edits, Settings, progress: cancel, checkpoints: checkpoints, cancellation: cancel.Token));
        var recorder = new Recorder();
        var continued = Run(teacher, images, images, edits, Settings, progress: recorder, checkpoints: checkpoints);
        Assert.Equal(4, recorder.Reports[0].Completed);
        foreach (var (one, other) in undisturbed.Zip(continued))
        {
            Assert.Equal(one.FirstLoss, other.FirstLoss);
            AssertSame(one.State, other.State);
        }
    }

    [Fact]
    public void Run_ConvolutionalNetwork_DropsWholeBlocksAndLearns()
    {
        using var teacher = SmallSet.Network();
        using var images = SmallSet.Batches(Imaging.Augmentation.None);
        var trials = CompressionTrials.Run(
            teacher, images, images, [new RequestedEdit(new DropBlock("layer2.1")), new RequestedEdit(new DropBlock("layer3.2"))], CompressionMetric.CrossEntropy,
            Settings with { Iterations = 30, BatchSize = SmallSet.Count }, ComputeSettings.Cpu, new Recorder(), new MemoryCheckpointStore(), default);
        foreach (var trial in trials)
        {
            using var network = trial.Network;
            Assert.InRange(trial.LastLoss, 0, 0.95 * trial.FirstLoss);
            Assert.DoesNotContain(network.Blocks, block => block.Name == trial.Block);
        }
    }

    [Fact]
    public void Progressive_SecondBlock_EditsAddUpAndTheLossFalls()
    {
        using var teacher = Network();
        using var images = SmallSet.Batches(Imaging.Augmentation.None);
        using var first = teacher.Apply([new CompressBlock("blocks.2", 20)]);
        var (network, loss) = ProgressiveFinetuning.Run(
            teacher, first, [new RequestedEdit(new CompressBlock("blocks.1", 9), ByActivation: true)], images, Settings with { Iterations = 30 }, ComputeSettings.Cpu, new Recorder(),
            new MemoryCheckpointStore(), default);
        using (network)
        {
            Assert.InRange(loss.LastLoss, 0, 0.9 * loss.FirstLoss);
            Assert.Equal([9L, 20L], network.Blocks.Skip(1).Take(2).Select(block => block.Mlp!.Hidden.Outputs));
            var units = network.Spec.Edits.OfType<CompressBlock>().Last().Units!;
            Assert.Equal(9, units.Count);
            Assert.Equal(units.Order(), units);
        }
    }

    [Fact]
    public void Run_DivergingRate_SaysWhichBlockAndStep()
    {
        using var teacher = Network();
        using var images = SmallSet.Batches();
        using (torch.no_grad())
            teacher.Blocks[0].Mlp!.Output.Weight.fill_(float.NaN);
        var error = Assert.Throws<NonFiniteLossException>(() => Run(teacher, images, images, [new("blocks.1", 11)], Settings with { Initialization = Initialization.Reused }));
        Assert.Contains("blocks.1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rate_ShortRun_LearnsFasterUpToTenTimes()
    {
        Assert.Equal(3e-5, new MimicSettings(Iterations: 4000).PeakRate);
        Assert.Equal(1e-4, new MimicSettings(Iterations: 600).PeakRate, 1e-12);
        Assert.Equal(3e-4, new MimicSettings(Iterations: 50).PeakRate, 1e-12);
        var settings = new MimicSettings(Iterations: 1000, LearningRate: 1);
        Assert.Equal(new[] { 1.0 / 11, 10.0 / 11, 1, 0.5 }, new[] { 0L, 9, 10, 505 }.Select(settings.Rate), (a, b) => Math.Abs(a - b) < 1e-9);
    }

    [Theory]
    [InlineData(Initialization.Random)]
    [InlineData(Initialization.Ridge)]
    public void Run_ToItsEnd_LeavesNoTensor(Initialization initialization)
    {
        using var teacher = Network();
        using var images = SmallSet.Batches();
        var settings = Settings with { Initialization = initialization, AllBlocks = true };
        Run(teacher, images, images, [new("blocks.1", 11)], settings);
        var before = LiveTensors.Settled();
        Run(teacher, images, images, [new("blocks.1", 11)], settings);
        Assert.Equal(before, LiveTensors.Count);
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    // Weights of std 0.02 make blocks that do next to nothing.
    private static Network Network()
    {
        var network = ModelCatalog.Build(ModelCatalog.Find(Tiny).Spec(), seed: 4);
        using var _ = torch.no_grad();
        foreach (var unit in network.Blocks.SelectMany(block => block.Units))
            unit.Weight.mul_(2);
        return network;
    }

    private static List<Outcome> Run(
        Network teacher, Imaging.ImageBatches images, Imaging.ImageBatches metric, CompressBlock[] edits, MimicSettings settings, CompressionMetric by = CompressionMetric.CrossEntropy,
        IProgress<StepProgress>? progress = null, ICheckpointStore? checkpoints = null, CancellationToken cancellation = default)
    {
        var trials = CompressionTrials.Run(
            teacher, images, metric, [.. edits.Select(edit => new RequestedEdit(edit))], by, settings, ComputeSettings.Cpu, progress ?? new Recorder(), checkpoints ?? new MemoryCheckpointStore(), cancellation);
        var outcomes = new List<Outcome>();
        foreach (var trial in trials)
        {
            using var network = trial.Network;
            outcomes.Add(new Outcome(trial.Metric, trial.FirstLoss, trial.LastLoss, [.. network.State().Select(item => (item.Name, item.Value.data<float>().ToArray()))]));
        }

        return outcomes;
    }

    private static void AssertSame(IReadOnlyList<(string Name, float[] Values)> one, IReadOnlyList<(string Name, float[] Values)> other) =>
        Assert.All(one.Zip(other), pair => Assert.True(pair.First.Values.AsSpan().SequenceEqual(pair.Second.Values), $"{pair.First.Name} differs"));

    private void Write(Imaging.ImageBatches images, int count, string file)
    {
        using var batch = images.Evaluation(0, count);
        File.WriteAllBytes(Path.Combine(folder, file), MemoryMarshal.AsBytes<float>(batch.data<float>().ToArray()).ToArray());
    }

    private static (int ExitCode, string Output) Start(IEnumerable<string> arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(Python, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, process.ExitCode == 0 ? output : errors.Result);
    }

    private sealed record Outcome(double Metric, double FirstLoss, double LastLoss, IReadOnlyList<(string Name, float[] Values)> State);
}
