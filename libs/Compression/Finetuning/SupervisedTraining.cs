using Fewshot.Artifacts;
using Fewshot.Imaging;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Finetuning;

/// <summary>Trains a network on labeled images by cross entropy.</summary>
public static class SupervisedTraining
{
    /// <param name="network">Trained in place.</param>
    /// <returns>The last iteration's loss.</returns>
    /// <exception cref="CompressionException">An image has no label, or a label is outside the network's classes.</exception>
    public static double Run(
        Network network, ImageBatches images, TrainingSettings settings, ComputeSettings compute,
        IProgress<StepProgress> progress, ICheckpointStore checkpoints, CancellationToken cancellation)
    {
        compute.Apply();
        var labels = Labels.Of(images, network.Spec.Classes);
        using var scope = NewDisposeScope();
        network.To(compute.Device);
        return new TrainingLoop("train", "loss", network, settings).Run(Loss, progress, checkpoints, cancellation);

        Tensor Loss(long iteration)
        {
            var batch = images.Training(settings.Seed, iteration, settings.BatchSize, out var indices).to(compute.ActivationType);
            var target = tensor(indices.Select(i => labels[i]).ToArray(), device: compute.Device);
            return nn.functional.cross_entropy(network.Forward(batch).to(ScalarType.Float32), target);
        }
    }
}
