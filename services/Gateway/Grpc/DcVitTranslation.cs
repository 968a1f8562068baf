using Fewshot.Compression.V1;
using Fewshot.Gateway.Workflows;
using Fewshot.ServiceDefaults;
using Fewshot.Trials.V1;
using P = Fewshot.Gateway.Workflows;

namespace Fewshot.Gateway.Grpc;

/// <summary>Checks a specification of DC-ViT field by field and fills in the method's defaults.</summary>
internal static class DcVitTranslation
{
    private const int MostIterations = 10_000_000, LargestBatch = 65_536, MostRuns = 100_000, MostBlocks = 10_000, MostTargets = 100;

    public static DcVitPlan ToPlan(CompressionSpec spec, DcVitSpec dcvit) => ToPlan(spec, dcvit, "spec.dcvit", isPareto: false, [TargetOf(dcvit)]);

    public static DcVitPlan ToPlan(CompressionSpec spec, ParetoSpec pareto)
    {
        const string Field = "spec.pareto.macs_ratios";
        if (pareto.MacsRatios.Count is 0 or > MostTargets)
            throw new InvalidFieldException(Field, $"takes 1 to {MostTargets} ratios.");
        if (pareto.MacsRatios.Distinct().Count() != pareto.MacsRatios.Count)
            throw new InvalidFieldException(Field, "names a ratio twice.");
        return ToPlan(
            spec, pareto.Dcvit ?? new DcVitSpec(), "spec.pareto.dcvit", isPareto: true,
            [.. pareto.MacsRatios.OrderDescending().Select(ratio => new SizeTarget.Macs(Fields.Fraction(ratio, Field)))]);
    }

    private static DcVitPlan ToPlan(CompressionSpec spec, DcVitSpec dcvit, string field, bool isPareto, SizeTarget[] targets) => new()
    {
        Network = Fields.Digest(spec.NetworkDigest, "spec.network_digest").ToString(),
        Images = CompressionTranslation.ImagesOf(spec).Uploaded,
        SyntheticImages = CompressionTranslation.ImagesOf(spec).Synthetic,
        Evaluation = spec.EvaluationSetDigest.Length == 0 ? null : Fields.Digest(spec.EvaluationSetDigest, "spec.evaluation_set_digest").ToString(),
        Seed = spec.Seed,
        Compute = PractiseTranslation.ToChoice(spec.Compute, "spec.compute"),
        FeaturePoint = (P.FeaturePoint)Math.Max(0, (int)Fields.Known(dcvit.FeaturePoint, field + ".feature_point") - 1),
        MacsConvention = Fields.Known(dcvit.MacsConvention, field + ".macs_convention") == Networks.V1.MacsConvention.Paper ? P.MacsConvention.Paper : P.MacsConvention.Standard,
        LatencyBatch = Fields.Whole(dcvit.LatencyBatchSize, field + ".latency_batch_size", 1, LargestBatch, defaultValue: 64),
        LatencyRuns = Fields.Whole(dcvit.LatencyRuns, field + ".latency_runs", 1, MostRuns, defaultValue: 50),
        Targets = targets,
        IsPareto = isPareto,
        Candidates = dcvit.Candidates.Count switch
        {
            0 => null,
            <= MostBlocks => [.. dcvit.Candidates],
            _ => throw new InvalidFieldException(field + ".candidates", $"takes at most {MostBlocks} names."),
        },
        Metric = (P.CompressionMetric)Math.Max(0, (int)Fields.Known(dcvit.Metric, field + ".metric") - 1),
        MetricImages = SynthesisTranslation.ToPlan(dcvit.MetricImages, field + ".metric_images"),
        Training = ToChoice(dcvit.Training ?? new MimicTraining(), field + ".training"),
        Selection = (P.HiddenSelection)Math.Max(0, (int)Fields.Known(dcvit.Selection, field + ".selection") - 1),
        AtOnce = dcvit.AtOnce,
        ExtraBlocks = Fields.Whole(dcvit.ExtraBlocks, field + ".extra_blocks", 0, MostBlocks),
    };

    private static SizeTarget TargetOf(DcVitSpec dcvit) => dcvit.TargetCase switch
    {
        DcVitSpec.TargetOneofCase.MacsRatio => new SizeTarget.Macs(Fields.Fraction(dcvit.MacsRatio, "spec.dcvit.macs_ratio")),
        DcVitSpec.TargetOneofCase.LatencyReduction => new SizeTarget.Latency(Fields.Fraction(dcvit.LatencyReduction, "spec.dcvit.latency_reduction")),
        _ => throw new InvalidFieldException("spec.dcvit.target", "must be one of macs_ratio, latency_reduction."),
    };

    private static MimicChoice ToChoice(MimicTraining training, string field) => new(
        Fields.Whole(training.Iterations, field + ".iterations", 1, MostIterations, defaultValue: 2000),
        Fields.Whole(training.BatchSize, field + ".batch_size", 1, LargestBatch, defaultValue: 64),
        training.LearningRate == 0 ? null : Fields.Number(training.LearningRate, field + ".learning_rate", 1e-12, 100),
        Fields.Number(training.WeightDecay, field + ".weight_decay", 0, 1, defaultValue: 1e-4),
        Fields.Number(training.GradientClip, field + ".gradient_clip", 0, 1e9, defaultValue: 1),
        Fields.Number(training.WarmupFraction, field + ".warmup_fraction", 0, 0.9, defaultValue: 0.01),
        Fields.Known(training.Initialization, field + ".initialization") switch
        {
            Trials.V1.Initialization.Ridge => P.Initialization.Ridge,
            Trials.V1.Initialization.Random => P.Initialization.Random,
            _ => P.Initialization.Reused,
        },
        training.AllBlocks);
}
