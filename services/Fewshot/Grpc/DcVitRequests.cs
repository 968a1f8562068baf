using Fewshot.Cli.Inputs;
using Fewshot.Cli.Options;
using Fewshot.Compression.V1;
using Fewshot.Networks.V1;
using Fewshot.Trials.V1;

namespace Fewshot.Cli.Grpc;

/// <summary>Requests of DC-ViT made of settings and the digests of what was uploaded.</summary>
internal static class DcVitRequests
{
    public static JobRequest Of(DcVitSettings settings, string network, TrainingImages images, string? evaluation, ulong seed, ComputeChoice compute)
    {
        var spec = new CompressionSpec
        {
            NetworkDigest = network, EvaluationSetDigest = evaluation ?? "", Seed = seed, Compute = JobRequests.ComputeOf(compute),
        }.On(images);
        var dcvit = SpecOf(settings);
        if (settings.Target.Several)
            spec.Pareto = new ParetoSpec { Dcvit = dcvit, MacsRatios = { settings.Target.MacsRatios } };
        else if (settings.Target.LatencyReduction is { } reduction)
            (dcvit.LatencyReduction, spec.Dcvit) = (reduction, dcvit);
        else
            (dcvit.MacsRatio, spec.Dcvit) = (settings.Target.MacsRatios[0], dcvit);
        return new JobRequest(spec);
    }

    private static DcVitSpec SpecOf(DcVitSettings settings) => new()
    {
        MacsConvention = settings.PaperMacs ? MacsConvention.Paper : MacsConvention.Standard,
        Candidates = { settings.Candidates ?? [] },
        Metric = settings.Metric switch
        {
            "mse" => CompressionMetric.Mse,
            "train-loss" => CompressionMetric.TrainLoss,
            _ => CompressionMetric.CrossEntropy,
        },
        Training = new MimicTraining
        {
            Iterations = settings.Training.Iterations,
            BatchSize = settings.Training.BatchSize,
            LearningRate = settings.Training.LearningRate ?? 0,
            WeightDecay = JobRequests.Explicit(settings.Training.WeightDecay),
            GradientClip = settings.Training.GradientClip,
            WarmupFraction = settings.Training.WarmupFraction,
            Initialization = settings.Training.Initialization switch
            {
                "ridge" => Initialization.Ridge,
                "random" => Initialization.Random,
                _ => Initialization.Reused,
            },
            AllBlocks = settings.Training.AllBlocks,
        },
        FeaturePoint = settings.Feature switch
        {
            "cls_token" or "post_gap" => FeaturePoint.PostGap,
            "last_trained" => FeaturePoint.LastTrained,
            _ => FeaturePoint.PreGap,
        },
        Selection = settings.Selection == "activation" ? HiddenSelection.Activation : HiddenSelection.Random,
        MetricImages = settings.MetricImages.ToProto(),
        AtOnce = settings.AtOnce,
        ExtraBlocks = settings.ExtraBlocks,
        LatencyBatchSize = settings.LatencyBatch,
        LatencyRuns = settings.LatencyRuns,
    };
}
