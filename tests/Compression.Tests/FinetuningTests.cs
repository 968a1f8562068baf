using Fewshot.Artifacts;
using Fewshot.Compression.Finetuning;
using Fewshot.Compression.Mimicking;
using Fewshot.Models;

namespace Fewshot.Compression.Tests;

public class FinetuningTests
{
    private static readonly TrainingSettings Settings = new(Iterations: 8, BatchSize: 8, LearningRate: 1e-3);

    [Fact]
    public void MimicFinetuning_PrunedNetwork_ComesCloserToItsTeacher()
    {
        using var teacher = SmallSet.Network();
        using var student = teacher.Apply([new DropBlock("layer2.1")]);
        using var images = SmallSet.Batches(Imaging.Augmentation.None);

        var outcome = Mimic(teacher, student, images, Settings with { Iterations = 40, BatchSize = SmallSet.Count, LearningRate = 0.01 }, new Recorder(), new MemoryCheckpointStore());

        Assert.InRange(outcome.LastLoss, 0, 0.8 * outcome.FirstLoss);
    }

    [Fact]
    public void MimicFinetuning_InterruptedAndContinued_SameBitsAsUndisturbed()
    {
        using var teacher = SmallSet.Network();
        using var images = SmallSet.Batches();
        using var undisturbed = teacher.Apply([new DropBlock("layer2.1")]);
        Mimic(teacher, undisturbed, images, Settings, new Recorder(), new MemoryCheckpointStore());
        var checkpoints = new MemoryCheckpointStore();
        using (var interrupted = teacher.Apply([new DropBlock("layer2.1")]))
        using (var cancel = new CancelAfter(3))
            Assert.Throws<OperationCanceledException>(() => Mimic(teacher, interrupted, images, Settings, cancel, checkpoints, cancel.Token));

        using var continued = teacher.Apply([new DropBlock("layer2.1")]);
        var recorder = new Recorder();
        Mimic(teacher, continued, images, Settings, recorder, checkpoints);

        Assert.Equal(4, recorder.Reports[0].Completed);
        Assert.All(undisturbed.State().Zip(continued.State()), pair => Assert.True(
            pair.First.Value.data<float>().SequenceEqual(pair.Second.Value.data<float>()), $"{pair.First.Name} differs"));
    }

    [Fact]
    public void SupervisedTraining_SeparableImages_LearnsThem()
    {
        using var network = SmallSet.Network();
        using var images = SmallSet.Batches(Imaging.Augmentation.None);

        SupervisedTraining.Run(
            network, images, new TrainingSettings(Iterations: 40, BatchSize: 12, LearningRate: 0.05), ComputeSettings.Cpu, new Recorder(),
            new MemoryCheckpointStore(), CancellationToken.None);
        var accuracy = Evaluation.Run(network, images, 5, ComputeSettings.Cpu, new Recorder(), CancellationToken.None);

        Assert.InRange(accuracy.Top1, 0.9, 1);
        Assert.InRange(accuracy.Top5, accuracy.Top1, 1);
        Assert.Equal(SmallSet.Count, accuracy.Images);
    }

    [Fact]
    public void Evaluation_UnlabeledImages_SaysLabelsAreNeeded()
    {
        using var network = SmallSet.Network();
        var unlabeled = new Imaging.ImageSet([.. SmallSet.Images().Entries.Select(e => e with { Label = null })], null);
        using var images = new Imaging.ImageBatches(
            unlabeled, new Imaging.EvaluationTransform(32, 0, false, Imaging.Interpolation.Bilinear, [0.5, 0.5, 0.5], [0.5, 0.5, 0.5]), TorchSharp.torch.CPU);

        var error = Assert.Throws<CompressionException>(() => Evaluation.Run(network, images, 8, ComputeSettings.Cpu, new Recorder(), CancellationToken.None));

        Assert.Contains("label", error.Message, StringComparison.Ordinal);
    }

    private static FinetuneOutcome Mimic(
        Network teacher, Network student, Imaging.ImageBatches images, TrainingSettings settings, IProgress<StepProgress> progress,
        ICheckpointStore checkpoints, CancellationToken cancellation = default) =>
        MimicFinetuning.Run(teacher, student, images, settings, FeaturePoint.PreGap, ComputeSettings.Cpu, progress, checkpoints, cancellation);
}
