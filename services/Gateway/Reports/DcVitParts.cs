using System.Text.Json.Serialization;
using Fewshot.Gateway.Workflows;

namespace Fewshot.Gateway.Reports;

/// <summary>What synthesised images a DC-ViT job used.</summary>
/// <param name="Synthetic">Candidates were judged on these; null where they were judged by their training loss.</param>
/// <param name="SyntheticTraining">Data-free: trained on these.</param>
/// <param name="Settings">How it was compressed.</param>
internal sealed record DcVitHeadPart(SyntheticRow? Synthetic, SyntheticRow? SyntheticTraining, DcVitSettingsRow Settings);

/// <summary>The target, where there is one only, and the choices of the method; the learning rate is null where the stages derived it from the iterations.</summary>
internal sealed record DcVitSettingsRow(
    double? MacsRatio, double? LatencyReduction, int Iterations, int BatchSize, double? LearningRate, double WeightDecay, double GradientClip, double WarmupFraction, string Initialization, bool TrainAllBlocks,
    string Feature, string Selection, bool AtOnce, int ExtraBlocks)
{
    public static DcVitSettingsRow Of(DcVitPlan plan) => new(
        plan.IsPareto ? null : (plan.Targets[0] as SizeTarget.Macs)?.Ratio, (plan.Targets[0] as SizeTarget.Latency)?.Reduction, plan.Training.Iterations, plan.Training.BatchSize, plan.Training.LearningRate, plan.Training.WeightDecay, plan.Training.GradientClip, plan.Training.WarmupFraction,
        Words.Of(plan.Training.Initialization), plan.Training.AllBlocks,
        Words.Of(plan.FeaturePoint).Replace('-', '_'), Words.Of(plan.Selection), plan.AtOnce, plan.ExtraBlocks);
}

/// <summary>How one target was reached.</summary>
internal sealed record DcVitOutcomePart(StructureRow Structure, IReadOnlyList<ProgressiveRow> Progressive)
{
    public static DcVitOutcomePart Of(CompressedTarget result, NetworkFacts original, MacsConvention convention) => new(
        new StructureRow(
            result.Chosen.Edits.Count,
            result.Chosen.Structure?.KeptHidden,
            result.Chosen.Target is SizeTarget.Macs macs ? (long)Math.Round(macs.Ratio * original.Macs) : null,
            result.Network.Macs,
            Words.Of(convention)),
        [.. result.Steps.Select(step => new ProgressiveRow(
            string.Join(", ", step.Blocks), step.Accuracy?.Top1, step.Accuracy?.Top5, Finite.Or(step.FirstLoss), Finite.Or(step.LastLoss), step.Seconds, step.Step, step.NetworkDigest))]);
}

/// <summary>The compressed structure.</summary>
/// <param name="Blocks">Compressed, or dropped whole.</param>
/// <param name="KeptHidden">Hidden units left in each; null where whole blocks went.</param>
/// <param name="MacsTarget">Per image; null where a latency was the target.</param>
/// <param name="Macs">Of the result, per image.</param>
/// <param name="MacsConvention"><c>standard</c> or <c>paper</c>.</param>
internal sealed record StructureRow(int Blocks, int? KeptHidden, long? MacsTarget, long Macs, string MacsConvention);

/// <summary>The network after one progressive step; no seconds where a trial's network was taken.</summary>
internal sealed record ProgressiveRow(string Block, double? Top1, double? Top5, double? FirstLoss, double? LastLoss, double? Seconds, string Step, string Network);

/// <summary>One target of several.</summary>
internal sealed record TargetPart(double MacsRatio, string Model);

/// <summary>A block that could be compressed.</summary>
internal sealed record CandidateRow : BlockRow
{
    [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
    public CandidateRow(BlockRow block)
        : base(block)
    {
    }

    /// <summary>What the ranking follows.</summary>
    [JsonPropertyOrder(1)]
    public double? Metric { get; init; }

    /// <summary>Mimic loss on the training images with the block compressed and nothing trained.</summary>
    [JsonPropertyOrder(1)]
    public double? FirstLoss { get; init; }

    /// <summary>And after its trial.</summary>
    [JsonPropertyOrder(1)]
    public double? LastLoss { get; init; }

    /// <summary>Compressed or dropped, for some target.</summary>
    [JsonPropertyOrder(1)]
    public bool Chosen { get; init; }
}
