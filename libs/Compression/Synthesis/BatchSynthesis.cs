using Fewshot.Artifacts;
using Fewshot.Imaging;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Synthesis;

/// <summary>An image with the class it was made for.</summary>
public sealed record SynthesisedImage(Image Image, int Label);

/// <summary>The images of a batch.</summary>
/// <param name="Images">Eight bits a channel, in the order of their numbers.</param>
/// <param name="Agreed">In how many of them, as they are stored, the network sees the intended class.</param>
/// <param name="Method">What was minimised.</param>
public sealed record SynthesisOutcome(IReadOnlyList<SynthesisedImage> Images, int Agreed, SynthesisMethod Method);

/// <summary>Images from a network alone (DeepInversion, arXiv 1912.08795; the terms of methods.md, section 4).</summary>
public static class BatchSynthesis
{
    /// <summary>Makes one batch.</summary>
    /// <param name="teacher">An unfolded network of any family; it is not changed.</param>
    /// <param name="student">For the adaptive term: a network of the same classes for images of the same size and channels; null without the term.</param>
    /// <exception cref="NonFiniteTermException">A term became NaN or infinite.</exception>
    /// <exception cref="CompressionException">Method or student do not suit the network.</exception>
    public static SynthesisOutcome Run(
        Network teacher, Network? student, SynthesisSettings settings, ComputeSettings compute, IProgress<StepProgress> progress, ICheckpointStore checkpoints,
        CancellationToken cancellation)
    {
        if (compute.MixedPrecision)
            throw new CompressionException("mixed_precision: images are synthesised in float32; leave it off");
        CheckStudent(teacher.Spec, student?.Spec, settings.Adaptive);
        compute.Apply();
        using var scope = NewDisposeScope();
        using var networks = new NetworkTerms(teacher, student, settings, compute.Device);
        using var pixels = new PixelOptimisation(networks, teacher.Spec, teacher.HasBatchNorm, settings, compute.Device);
        var labels = settings.Labels(teacher.Spec.Classes);
        var target = tensor(labels.Select(label => (long)label).ToArray(), device: compute.Device);
        pixels.Run(target, progress, checkpoints, cancellation);
        var (stored, seen) = ImageQuantisation.Store(pixels.Best, teacher.Spec.Preprocessing);
        using var guard = no_grad();
        var agreed = (int)networks.Classify(seen).argmax(1).eq(target).sum().item<long>();
        return new SynthesisOutcome([.. stored.Zip(labels, (image, label) => new SynthesisedImage(image, label))], agreed, settings.MethodFor(teacher));
    }

    private static void CheckStudent(NetworkSpec teacher, NetworkSpec? student, double weight)
    {
        if (student is null != (weight == 0))
            throw new CompressionException("adaptive_weight: the adaptive term needs a weight above 0 and a student network");
        if (student is not null && (student.Classes != teacher.Classes || student.Preprocessing.Size != teacher.Preprocessing.Size || student.Preprocessing.Channels != teacher.Preprocessing.Channels))
            throw new CompressionException($"student: {student.Variant} must have the teacher's {teacher.Classes} classes and take its images, {teacher.Preprocessing.Channels} x {teacher.Preprocessing.Size} x {teacher.Preprocessing.Size}");
    }
}
