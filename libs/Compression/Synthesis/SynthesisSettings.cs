using Fewshot.Imaging;
using Fewshot.Models;

namespace Fewshot.Compression.Synthesis;

/// <summary>What the pixels minimise.</summary>
public enum SynthesisMethod
{
    /// <summary><see cref="DeepInversion"/> where the network has batch norm, else <see cref="DeepDream"/>.</summary>
    Auto,

    /// <summary>Cross entropy, total variation and Euclidean norm.</summary>
    DeepDream,

    /// <summary>And the distance of the batch's statistics from the running ones of every batch norm (arXiv 1912.08795).</summary>
    DeepInversion,
}

/// <summary>How one batch of images is made out of a network; the images of a batch are optimised together.</summary>
/// <param name="Images">How many.</param>
/// <param name="FirstImage">Number of the first of them in the whole set; labels, noise and jitter derive from the seed and it.</param>
/// <param name="Iterations">Steps.</param>
/// <param name="LearningRate">Adam's, betas 0.5 and 0.9; see <see cref="Rate"/>.</param>
/// <param name="TotalVariation">Weight of the total variation.</param>
/// <param name="TotalVariationBeta">Its exponent; null: 1 for networks with batch norm, 0.6 for the others, the transformers.</param>
/// <param name="L2">Weight of the Euclidean norm.</param>
/// <param name="BatchNorm">Weight of the distance between batch and running statistics; the first layer counts ten times.</param>
/// <param name="Adaptive">Weight of 1 - JSD between teacher and student (arXiv 1912.08795, equation 8); needs a student.</param>
public sealed record SynthesisSettings(
    int Images = 50,
    ulong Seed = 2023,
    int FirstImage = 0,
    int Iterations = 2000,
    SynthesisMethod Method = SynthesisMethod.Auto,
    double LearningRate = 0.25,
    double TotalVariation = 1e-4,
    double? TotalVariationBeta = null,
    double L2 = 1e-5,
    double BatchNorm = 0.01,
    double Adaptive = 0)
{
    private const byte ForLabels = 210;

    /// <summary>The rate of a step, counted from 0: rises for 100 steps (a tenth of a shorter run), then falls as a cosine.</summary>
    public double Rate(int step)
    {
        var warmUp = Math.Clamp(Iterations / 10, 1, 100);
        return step < warmUp
            ? LearningRate * (step + 1) / warmUp
            : LearningRate * 0.5 * (1 + Math.Cos(Math.PI * (step - warmUp) / Math.Max(1, Iterations - warmUp)));
    }

    /// <summary>The class that each image is made for.</summary>
    public IReadOnlyList<int> Labels(int classes) =>
        [.. Enumerable.Range(FirstImage, Images).Select(image => new Philox(Seed, 0, image, ForLabels).NextInt32(classes))];

    /// <summary>The method for a network.</summary>
    /// <exception cref="CompressionException">It has no batch norm whose statistics could be met.</exception>
    internal SynthesisMethod MethodFor(Network network) => Method switch
    {
        SynthesisMethod.Auto => network.HasBatchNorm ? SynthesisMethod.DeepInversion : SynthesisMethod.DeepDream,
        SynthesisMethod.DeepInversion when !network.HasBatchNorm =>
            throw new CompressionException($"method: deepinversion matches batch-norm statistics, and {network.Spec.Variant} has no batch norm; use deepdream"),
        _ => Method,
    };
}

/// <summary>A term of the synthesis loss became NaN or infinite.</summary>
public sealed class NonFiniteTermException(string term, int step)
    : CompressionException($"synthesize: the {term} became NaN or infinite at step {step}; lower the learning rate or check the weights")
{
    /// <summary>Counted from 0.</summary>
    public int Step { get; } = step;
}
