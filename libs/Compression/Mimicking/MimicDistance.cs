using Fewshot.Imaging;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Mimicking;

/// <summary>The mean mimic loss over all images under the evaluation transform.</summary>
internal static class MimicDistance
{
    public static IReadOnlyList<double> Of(IReadOnlyList<MimicStudent> students, MimicTargets targets, ImageBatches images, int batchSize, CancellationToken cancellation)
    {
        using var _ = no_grad();
        var sums = new double[students.Count];
        for (var first = 0; first < images.Count; first += batchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var count = Math.Min(batchSize, images.Count - first);
            var batch = images.Evaluation(first, count);
            var target = targets.Run(batch);
            for (var i = 0; i < students.Count; i++)
                sums[i] += count * students[i].Loss(batch, target).item<float>();
        }

        return [.. sums.Select(sum => sum / images.Count)];
    }
}
