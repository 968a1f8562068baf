using Fewshot.Compression.Mimicking;

namespace Fewshot.Compression.Finetuning;

/// <summary>How a whole network trains: SGD with momentum, the rate divided by 10 at 40 % and 80 % of the iterations.</summary>
/// <param name="AdamW">AdamW instead, with a warm-up of a twentieth of the iterations and cosine decay: what transformers learn with from scratch.</param>
public sealed record TrainingSettings(
    ulong Seed = 2021,
    int Iterations = 2000,
    int BatchSize = 64,
    double LearningRate = 0.02,
    double Momentum = 0.9,
    double WeightDecay = 1e-4,
    bool AdamW = false)
{
    private const double WarmUp = 0.05;

    /// <summary>The rate of an iteration, counted from 0.</summary>
    public double Rate(long iteration) => AdamW
        ? CosineSchedule.Rate(LearningRate, WarmUp, iteration, Iterations)
        : StepSchedule.Rate(LearningRate, iteration, Iterations);
}

/// <summary>How closely a student mimics, before and after: mean squared feature error over all images, evaluation transform.</summary>
public sealed record FinetuneOutcome(double FirstLoss, double LastLoss);

/// <summary>Accuracy as fractions in 0..1, and the mean cross entropy.</summary>
public sealed record Accuracy(double Top1, double Top5, int Images, double Loss);
