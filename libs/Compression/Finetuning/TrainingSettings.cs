namespace Fewshot.Compression.Finetuning;

/// <summary>How a whole network trains: SGD with momentum, the rate divided by 10 at 40 % and 80 % of the iterations.</summary>
public sealed record TrainingSettings(
    ulong Seed = 2021,
    int Iterations = 2000,
    int BatchSize = 64,
    double LearningRate = 0.02,
    double Momentum = 0.9,
    double WeightDecay = 1e-4);

/// <summary>How closely a student mimics, before and after: mean squared feature error over all images, evaluation transform.</summary>
public sealed record FinetuneOutcome(double FirstLoss, double LastLoss);

/// <summary>Accuracy as fractions in 0..1, and the mean cross entropy.</summary>
public sealed record Accuracy(double Top1, double Top5, int Images, double Loss);
