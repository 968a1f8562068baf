using Fewshot.Artifacts;
using Fewshot.Compression.Finetuning;
using Fewshot.Compression.Mimicking;
using Fewshot.Models;
using TorchSharp;

namespace Fewshot.Compression.Tests;

/// <summary>A long job's memory is flat: whatever a method makes, it frees.</summary>
public class LeakTests
{
    [Fact]
    public void AnyMethod_RunToItsEnd_LeavesNoTensor()
    {
        using var network = SmallSet.Network();
        using var images = SmallSet.Batches();
        All(network, images);
        var before = LiveTensors.Settled();

        All(network, images);

        Assert.Equal(before, LiveTensors.Count);
    }

    private static void All(Network network, Imaging.ImageBatches images)
    {
        foreach (var criterion in Enum.GetValues<Trials.Criterion>())
            BlockTrialsTests.Run(network, images, ["layer1.1", "layer3.1"], new Trials.TrialSettings(criterion, Iterations: 3, BatchSize: 8, LearningRate: 1e-4));
        using var student = network.Apply([new DropBlock("layer2.1")]);
        MimicFinetuning.Run(
            network, student, images, new TrainingSettings(Iterations: 3, BatchSize: 8, LearningRate: 1e-4), FeaturePoint.PostGap, ComputeSettings.Cpu,
            new Recorder(), new MemoryCheckpointStore(), CancellationToken.None);
        Evaluation.Run(student, images, 8, ComputeSettings.Cpu, new Recorder(), CancellationToken.None);
        SynthesisTests.Run(network, new Synthesis.SynthesisSettings(Images: 3, Iterations: 3, Adaptive: 1), student: student, compute: new ComputeSettings(torch.CPU, Threads: 2));
        Profiling.Profiler.Measure(network, [("one", [new DropBlock("layer1.1")])], 2, 2, 1, ComputeSettings.Cpu, new Recorder(), CancellationToken.None);
    }
}
