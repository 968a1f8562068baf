using Fewshot.Compression.Mimicking;

namespace Fewshot.Compression.Trials;

/// <summary>What ranks blocks: PRACTISE and the criteria it is compared with (arXiv 2202.07861, table 5).</summary>
public enum Criterion
{
    /// <summary>Recoverability: the mimic loss that is left after adaptors were trained.</summary>
    Practise,

    /// <summary>KL divergence of the outputs when the block is removed (CURL).</summary>
    Curl,

    /// <summary>Feature distance when the block is removed.</summary>
    L2,

    /// <summary>Largest absolute response of the residual branch.</summary>
    EpsResNet,

    /// <summary>Position in the network.</summary>
    First,

    /// <summary>Drawn from the seed.</summary>
    Random,
}

/// <summary>How a block trial trains. Defaults are the paper's.</summary>
/// <param name="RidgeStart">Adaptors start from a ridge regression that reproduces the dropped block, instead of the identity; our own addition.</param>
public sealed record TrialSettings(
    Criterion Criterion = Criterion.Practise,
    ulong Seed = 2021,
    int Iterations = 1000,
    int BatchSize = 64,
    double LearningRate = 0.02,
    double Momentum = 0.9,
    double WeightDecay = 1e-4,
    FeaturePoint FeaturePoint = FeaturePoint.PreGap,
    bool RidgeStart = false);

/// <summary>What a trial found.</summary>
/// <param name="Block">The block's name.</param>
/// <param name="Value">The criterion's value; the smallest is dropped first. PRACTISE: recoverability R, a mean squared error.</param>
/// <param name="DistanceBefore">
/// Mean squared feature distance with the block removed and nothing trained. PRACTISE reads it off the first training
/// batch, after a ridge start where there was one; criteria that do not look at features leave it NaN.
/// </param>
public sealed record TrialOutcome(string Block, double Value, double DistanceBefore);
