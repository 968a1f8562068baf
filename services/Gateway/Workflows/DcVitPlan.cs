namespace Fewshot.Gateway.Workflows;

/// <summary>What ranks compressed blocks; the smallest is compressed first.</summary>
public enum CompressionMetric
{
    /// <summary>Between the original's and the candidate's class probabilities on synthesised images.</summary>
    CrossEntropy,

    /// <summary>Mimic loss on synthesised images.</summary>
    Mse,

    /// <summary>Mimic loss on the training images.</summary>
    TrainLoss,
}

/// <summary>What a compressed block's weights are before training.</summary>
public enum Initialization
{
    /// <summary>The original's.</summary>
    Reused,

    /// <summary>Drawn anew.</summary>
    Random,

    /// <summary>The original's, the last layer solved by ridge regression.</summary>
    Ridge,
}

/// <summary>How a compressed network learns to mimic: AdamW with warm-up and cosine decay.</summary>
/// <param name="LearningRate">Null: what the stages derive from the iterations.</param>
/// <param name="AllBlocks">Every block trains, not only those up to the last compressed one.</param>
public sealed record MimicChoice(
    int Iterations, int BatchSize, double? LearningRate, double WeightDecay, double GradientClip, double WarmupFraction, Initialization Initialization, bool AllBlocks);

/// <summary>How small, or how fast, the network shall be.</summary>
public abstract record SizeTarget
{
    /// <summary>MACs wanted over the original's.</summary>
    public sealed record Macs(double Ratio) : SizeTarget;

    /// <summary>Lower latency by this fraction, measured.</summary>
    public sealed record Latency(double Reduction) : SizeTarget;
}

/// <summary>A DC-ViT job (arXiv 2403.18708), checked and complete; with several targets, all from one round of trials.</summary>
public sealed record DcVitPlan : CompressionPlan
{
    /// <summary>At least one; <see cref="IsPareto"/> says whether there may be several.</summary>
    public required IReadOnlyList<SizeTarget> Targets { get; init; }

    /// <summary>A table of targets is wanted, not one network.</summary>
    public required bool IsPareto { get; init; }

    /// <summary>Blocks that may be compressed; null: all but the first and the last, or all droppable ones where whole blocks go.</summary>
    public IReadOnlyList<string>? Candidates { get; init; }

    /// <summary>What ranks compressed blocks.</summary>
    public required CompressionMetric Metric { get; init; }

    /// <summary>What candidates are judged on, to be synthesised.</summary>
    public required SynthesisPlan MetricImages { get; init; }

    /// <summary>Of the images that are judged on: they must not be those that are trained on, where these are synthesised too.</summary>
    public ulong MetricSeed => Seed ^ 0x6D65_7472_6963_2121;

    /// <summary>Of each trial and each progressive step.</summary>
    public required MimicChoice Training { get; init; }

    /// <summary>Which hidden units stay.</summary>
    public required HiddenSelection Selection { get; init; }

    /// <summary>All chosen blocks together instead of one after the other.</summary>
    public required bool AtOnce { get; init; }

    /// <summary>Blocks beyond the fewest, each compressed less.</summary>
    public required int ExtraBlocks { get; init; }

    /// <summary>A field of the specification, as the caller knows it.</summary>
    public string Field(string name) => IsPareto ? name == "macs_ratio" ? "spec.pareto.macs_ratios" : "spec.pareto.dcvit." + name : "spec.dcvit." + name;
}
