namespace Fewshot.Compression.Synthesis;

/// <summary>How images are made out of a network; the defaults are those for convolutional networks.</summary>
/// <param name="Images">How many.</param>
/// <param name="Iterations">Steps of each batch.</param>
/// <param name="LearningRate">Adam's, betas 0.5 and 0.9; cosine decay after a warm-up of 100 steps, or a tenth of a shorter run.</param>
/// <param name="TotalVariation">Weight of the total variation.</param>
/// <param name="L2">Weight of the Euclidean norm.</param>
/// <param name="FirstImage">Of the whole set, a multiple of the batch size.</param>
/// <param name="BatchNorm">Weight of the distance between batch and running statistics; the first layer counts ten times.</param>
public sealed record SynthesisSettings(
    int Images = 50,
    ulong Seed = 2021,
    int Iterations = 2000,
    int BatchSize = 64,
    double LearningRate = 0.25,
    double TotalVariation = 1e-4,
    double L2 = 1e-5,
    double BatchNorm = 0.01,
    int FirstImage = 0);

/// <summary>A term of the synthesis loss became NaN or infinite.</summary>
public sealed class NonFiniteTermException(string term, int step)
    : CompressionException($"synthesize: the {term} became NaN or infinite at step {step}; lower the learning rate or check the weights");
