namespace Fewshot.Gateway.Workflows;

/// <summary>Where features are compared.</summary>
public enum FeaturePoint
{
    /// <summary>Before global average pooling; transformers: all tokens after the final norm.</summary>
    PreGap,

    /// <summary>After it; transformers: the class token.</summary>
    PostGap,

    /// <summary>The output of the last block that trains.</summary>
    LastTrained,
}

/// <summary>What counts as MACs.</summary>
public enum MacsConvention
{
    /// <summary>Convolutions and all matrix products.</summary>
    Standard,

    /// <summary>As DC-ViT counts: layer norm 2*N*d, the two batched products of attention zero.</summary>
    Paper,
}

/// <summary>How stages compute.</summary>
public sealed record ComputeChoice(bool Cuda, bool MixedPrecision, bool Tf32, int Threads);

/// <summary>What every compression job builds on, checked and complete: artifacts by digest, every default filled in.</summary>
public abstract record CompressionPlan
{
    /// <summary>The original network.</summary>
    public required string Network { get; init; }

    /// <summary>The few unlabeled images; null as long as they have to be synthesised.</summary>
    public required string? Images { get; init; }

    /// <summary>Data-free: the images to make instead.</summary>
    public SynthesisPlan? SyntheticImages { get; init; }

    /// <summary>What is trained on.</summary>
    /// <exception cref="InvalidOperationException">It has not been synthesised yet.</exception>
    public string TrainingSet => Images ?? throw new InvalidOperationException("The training images are still to be synthesised.");

    /// <summary>Labeled images; null: no accuracy is reported.</summary>
    public string? Evaluation { get; init; }

    /// <summary>All randomness derives from it.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Device, precision, threads.</summary>
    public required ComputeChoice Compute { get; init; }

    /// <summary>Where features are compared.</summary>
    public required FeaturePoint FeaturePoint { get; init; }

    /// <summary>What counts as MACs.</summary>
    public MacsConvention MacsConvention { get; init; }

    /// <summary>Images per timed forward pass.</summary>
    public required int LatencyBatch { get; init; }

    /// <summary>Timed passes of each network.</summary>
    public required int LatencyRuns { get; init; }
}
