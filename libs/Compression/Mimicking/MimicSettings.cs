namespace Fewshot.Compression.Mimicking;

/// <summary>What a compressed block's weights are before training.</summary>
public enum Initialization
{
    /// <summary>The original's.</summary>
    Reused,

    /// <summary>Drawn anew from the seed, as before pretraining.</summary>
    Random,

    /// <summary>The original's, and the last layer solved by ridge regression to reproduce the original block.</summary>
    Ridge,
}

/// <summary>
/// How a compressed network learns to mimic (DC-ViT, arXiv 2403.18708, section 4.1): AdamW with warm-up and cosine decay. Trained are the stem and the
/// blocks up to the last one that was compressed.
/// </summary>
/// <param name="Seed">Of batches, augmentation and drawn weights.</param>
/// <param name="LearningRate">Null: the paper's 3e-5 for its 2000 iterations; shorter runs learn faster in proportion, up to 3e-4.</param>
/// <param name="GradientClip">Largest Euclidean norm of all gradients together.</param>
/// <param name="WarmupFraction">Share of the iterations in which the rate rises from zero.</param>
/// <param name="AllBlocks">Every block is trained, those behind the compressed one too.</param>
public sealed record MimicSettings(
    ulong Seed = 2023,
    int Iterations = 2000,
    int BatchSize = 64,
    double? LearningRate = null,
    double WeightDecay = 1e-4,
    double GradientClip = 1,
    double WarmupFraction = 0.01,
    Initialization Initialization = Initialization.Reused,
    bool AllBlocks = false,
    FeaturePoint FeaturePoint = FeaturePoint.PreGap)
{
    private const double PaperRate = 3e-5;
    private const int PaperIterations = 2000;
    private const double MostFaster = 10;

    /// <summary>The highest rate, after the warm-up.</summary>
    public double PeakRate => LearningRate ?? PaperRate * Math.Clamp((double)PaperIterations / Iterations, 1, MostFaster);

    /// <summary>The rate of an iteration, counted from 0.</summary>
    public double Rate(long iteration) => CosineSchedule.Rate(PeakRate, WarmupFraction, iteration, Iterations);
}
