using Fewshot.Artifacts;
using Fewshot.Imaging;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Synthesis;

/// <summary>An image with the class it was made for.</summary>
public sealed record SynthesisedImage(Image Image, int Label);

/// <summary>The images, and how often the network sees the intended class in them as they are stored.</summary>
public sealed record SynthesisOutcome(IReadOnlyList<SynthesisedImage> Images, double TeacherTop1);

/// <summary>
/// Images from a network alone (DeepInversion, arXiv 1912.08795, without the adaptive term): the pixels minimise the cross entropy of random classes,
/// total variation, Euclidean norm, and the distance of the batch's statistics from every batch norm's running ones.
/// </summary>
public static class DeepInversion
{
    private const string Stage = "synthesize";
    private const byte ForLabels = 210;

    /// <param name="teacher">An unfolded network; it is not changed.</param>
    /// <exception cref="NonFiniteTermException">A term became NaN or infinite.</exception>
    public static SynthesisOutcome Run(
        Network teacher, SynthesisSettings settings, ComputeSettings compute, IProgress<StepProgress> progress, CancellationToken cancellation)
    {
        compute.Apply();
        using var network = teacher.Clone();
        network.To(compute.Device);
        network.RequiresGrad(false);
        var images = new List<SynthesisedImage>(settings.Images);
        var total = (long)settings.Iterations * ((settings.Images + settings.BatchSize - 1) / settings.BatchSize);
        long agreed = 0, done = 0;
        var end = settings.FirstImage + settings.Images;
        for (var first = settings.FirstImage; first < end; first += settings.BatchSize)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(settings.BatchSize, end - first);
            var labels = Enumerable.Range(first, count)
                .Select(i => (long)new Philox(settings.Seed, 0, i, ForLabels).NextInt32(network.Spec.Classes)).ToArray();
            var target = tensor(labels, device: compute.Device);
            var pixels = new PixelOptimisation(network, settings, compute.Device).Run(
                target, first, loss => progress.Report(new StepProgress(Stage, ++done, total, "loss", loss)), cancellation);
            var (stored, seen) = ImageQuantisation.Store(pixels, network.Spec.Preprocessing);
            using var _ = no_grad();
            agreed += network.Forward(seen).argmax(1).eq(target).sum().item<long>();
            images.AddRange(stored.Select((image, i) => new SynthesisedImage(image, (int)labels[i])));
        }

        return new SynthesisOutcome(images, (double)agreed / settings.Images);
    }
}
