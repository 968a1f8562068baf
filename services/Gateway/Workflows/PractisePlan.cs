namespace Fewshot.Gateway.Workflows;

/// <summary>What tau, the cost that dropping a block saves, is.</summary>
public enum TauSource
{
    /// <summary>Latency measured in this job.</summary>
    Measured,

    /// <summary>Latency from a saved profile of the user's target device.</summary>
    Profile,

    /// <summary>MACs; the run is repeatable to the byte.</summary>
    Macs,
}

/// <summary>How blocks are judged.</summary>
public enum Criterion
{
    /// <summary>Recoverability per cost (arXiv 2202.07861, section 3).</summary>
    Practise,

    /// <summary>KL divergence of the outputs, block removed.</summary>
    Curl,

    /// <summary>Feature distance, block removed.</summary>
    L2,

    /// <summary>Largest response of the residual branch.</summary>
    EpsResnet,

    /// <summary>Position.</summary>
    First,

    /// <summary>Drawn from the seed.</summary>
    Random,
}

/// <summary>How many blocks go.</summary>
public abstract record DropTarget
{
    /// <summary>This many.</summary>
    public sealed record Count(int Blocks) : DropTarget;

    /// <summary>The fewest whose joint latency is lower by this fraction.</summary>
    public sealed record Latency(double Reduction) : DropTarget;

    /// <summary>The fewest that save this fraction of the MACs.</summary>
    public sealed record Macs(double Reduction) : DropTarget;

    /// <summary>The fewest that save this fraction of the parameters.</summary>
    public sealed record Params(double Reduction) : DropTarget;

    /// <summary>Exactly these.</summary>
    public sealed record Named(IReadOnlyList<string> Blocks) : DropTarget;
}

/// <summary>Settings of SGD; every default filled in.</summary>
public sealed record OptimizerChoice(int Iterations, int BatchSize, double LearningRate, double Momentum, double WeightDecay);

/// <summary>A PRACTISE job, checked and complete.</summary>
public sealed record PractisePlan : CompressionPlan
{
    /// <summary>How many blocks go.</summary>
    public required DropTarget Target { get; init; }

    /// <summary>How blocks are judged.</summary>
    public required Criterion Criterion { get; init; }

    /// <summary>What a block's cost is.</summary>
    public required TauSource Tau { get; init; }

    /// <summary>The saved profile, for <see cref="TauSource.Profile"/>.</summary>
    public string? LatencyProfile { get; init; }

    /// <summary>Adaptors start from a ridge regression that reproduces the dropped block, not from the identity.</summary>
    public required bool RidgeStart { get; init; }

    /// <summary>Settings of every trial.</summary>
    public required OptimizerChoice Trial { get; init; }

    /// <summary>Settings of the final finetune.</summary>
    public required OptimizerChoice Finetune { get; init; }
}
