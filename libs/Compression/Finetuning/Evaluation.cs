using Fewshot.Artifacts;
using Fewshot.Imaging;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Finetuning;

/// <summary>Accuracy on labeled images under the evaluation transform.</summary>
public static class Evaluation
{
    /// <exception cref="CompressionException">An image has no label, or a label is outside the network's classes.</exception>
    public static Accuracy Run(
        Network network, ImageBatches images, int batchSize, ComputeSettings compute, IProgress<StepProgress> progress, CancellationToken cancellation)
    {
        compute.Apply();
        var labels = Labels.Of(images, network.Spec.Classes);
        using var outer = NewDisposeScope();
        using var folded = network.Folded();
        folded.To(compute.Device, compute.ActivationType);
        long top1 = 0, top5 = 0;
        var loss = 0.0;
        for (var first = 0; first < images.Count; first += batchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            var count = Math.Min(batchSize, images.Count - first);
            var target = tensor(labels[first..(first + count)], device: compute.Device);
            var logits = folded.Forward(images.Evaluation(first, count).to(compute.ActivationType)).to(ScalarType.Float32);
            var hits = logits.topk((int)Math.Min(5, logits.shape[1]), 1).indexes.eq(target.unsqueeze(1));
            top1 += hits.select(1, 0).sum().item<long>();
            top5 += hits.sum().item<long>();
            loss += count * nn.functional.cross_entropy(logits, target).item<float>();
            progress.Report(new StepProgress("evaluate", first + count, images.Count, "top-1", (double)top1 / (first + count)));
        }

        return new Accuracy((double)top1 / images.Count, (double)top5 / images.Count, images.Count, loss / images.Count);
    }
}
