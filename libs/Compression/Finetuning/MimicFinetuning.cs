using Fewshot.Artifacts;
using Fewshot.Compression.Mimicking;
using Fewshot.Imaging;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Finetuning;

/// <summary>
/// Trains a pruned network end to end to reproduce the teacher's features (MiR, arXiv 2201.02620; PRACTISE, arXiv
/// 2202.07861, section 4.3). The classifier stays the teacher's; batch norm trains.
/// </summary>
public static class MimicFinetuning
{
    /// <param name="teacher">The original network; not changed.</param>
    /// <param name="student">The pruned network; trained in place.</param>
    /// <exception cref="NonFiniteLossException">Training diverged.</exception>
    public static FinetuneOutcome Run(
        Network teacher, Network student, ImageBatches images, TrainingSettings settings, FeaturePoint point, ComputeSettings compute,
        IProgress<StepProgress> progress, ICheckpointStore checkpoints, CancellationToken cancellation)
    {
        compute.Apply();
        using var scope = NewDisposeScope();
        using var folded = teacher.Folded();
        folded.To(compute.Device, compute.ActivationType);
        student.To(compute.Device);

        var first = Distance(folded, student, images, settings.BatchSize, point, compute, cancellation);
        new TrainingLoop("finetune", "mimic loss", student, settings)
            .Run(Loss, progress, checkpoints, cancellation);
        return new FinetuneOutcome(first, Distance(folded, student, images, settings.BatchSize, point, compute, cancellation));

        Tensor Loss(long iteration)
        {
            var batch = images.Training(settings.Seed, iteration, settings.BatchSize, out _).to(compute.ActivationType);
            var target = Features(folded, batch, point, gradient: false);
            return MimicLoss.Between(Features(student, batch, point, gradient: true), target);
        }
    }

    private static Tensor Features(Network network, Tensor images, FeaturePoint point, bool gradient)
    {
        using var mode = set_grad_enabled(gradient);
        using var scope = NewDisposeScope();
        var stream = network.Stem(images);
        foreach (var block in network.Blocks)
        {
            // Freed now, unless the gradient needs it: the scope would keep every block's map until the end.
            using var input = stream;
            stream = block.Forward(input);
        }

        return MimicLoss.FeaturesOf(network, stream, point).MoveToOuterDisposeScope();
    }

    private static double Distance(
        Network teacher, Network student, ImageBatches images, int batchSize, FeaturePoint point, ComputeSettings compute, CancellationToken cancellation)
    {
        var sum = 0.0;
        for (var first = 0; first < images.Count; first += batchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var count = Math.Min(batchSize, images.Count - first);
            var batch = images.Evaluation(first, count).to(compute.ActivationType);
            using var _ = no_grad();
            sum += count * MimicLoss.Between(Features(student, batch, point, false), Features(teacher, batch, point, false)).item<float>();
        }

        return sum / images.Count;
    }
}
