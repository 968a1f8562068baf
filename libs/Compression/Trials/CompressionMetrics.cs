using Fewshot.Compression.Mimicking;
using Fewshot.Imaging;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Trials;

/// <summary>What ranks compressed blocks; the smallest is compressed first.</summary>
public enum CompressionMetric
{
    /// <summary>Cross entropy between the teacher's and the candidate's class probabilities on the metric set.</summary>
    CrossEntropy,

    /// <summary>Mean squared error of the features on the metric set.</summary>
    Mse,

    /// <summary>Mimic loss on the training images.</summary>
    TrainLoss,
}

/// <summary>How far a candidate is from the teacher on images that it was not trained on (DC-ViT, arXiv 2403.18708, section 3.2).</summary>
internal static class CompressionMetrics
{
    /// <summary>The mean over the images.</summary>
    public static double Of(CompressionMetric metric, Network teacher, Network student, ImageBatches images, int batchSize, CancellationToken cancellation)
    {
        using var _ = no_grad();
        var sum = 0.0;
        for (var first = 0; first < images.Count; first += batchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var count = Math.Min(batchSize, images.Count - first);
            var batch = images.Evaluation(first, count);
            var (theirs, ours) = (teacher.Features(batch), student.Features(batch));
            sum += metric == CompressionMetric.Mse
                ? count * MimicLoss.Between(ours, theirs).item<float>()
                : -(Logits(teacher, theirs).softmax(-1) * Logits(student, ours).log_softmax(-1)).sum().item<float>();
        }

        return sum / images.Count;
    }

    private static Tensor Logits(Network network, Tensor features) => network.Classify(network.Pool(features));
}
