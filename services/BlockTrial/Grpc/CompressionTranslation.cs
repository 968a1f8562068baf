using Fewshot.Compression;
using Fewshot.Compression.Edits;
using Fewshot.Compression.Mimicking;
using Fewshot.Compression.Trials;
using Fewshot.Networks.V1;
using Fewshot.ServiceDefaults;
using Fewshot.Trials.V1;
using CompressionMetric = Fewshot.Compression.Trials.CompressionMetric;
using FeaturePoint = Fewshot.Compression.Mimicking.FeaturePoint;
using Initialization = Fewshot.Compression.Mimicking.Initialization;

namespace Fewshot.BlockTrial.Grpc;

/// <summary>Between the contract and the compression trials' own terms.</summary>
internal static class CompressionTranslation
{
    public static CompressionJob ToJob(this TryCompressionsRequest request)
    {
        if (request.Candidates.Count is 0 or > 10_000)
            throw new InvalidFieldException("candidates", "takes 1 to 10000 edits.");
        RequestedEdit[] edits = [.. request.Candidates.Select(ToEdit)];
        if (edits.DistinctBy(edit => CompressionTrials.BlockOf(edit.Edit), StringComparer.Ordinal).Count() != edits.Length)
            throw new InvalidFieldException("candidates", "must not repeat a block.");
        return new CompressionJob(
            Fields.Digest(request.NetworkDigest, "network_digest"),
            Fields.Digest(request.ImageSetDigest, "image_set_digest"),
            Fields.Digest(request.MetricSetDigest, "metric_set_digest"),
            edits,
            (CompressionMetric)Math.Max(0, (int)Fields.Known(request.Metric, "metric") - 1),
            ToSettings(request.Training ?? new MimicTraining(), request.Seed, (FeaturePoint)Math.Max(0, (int)Fields.Known(request.FeaturePoint, "feature_point") - 1)),
            TrialTranslation.ToSettings(request.Compute));
    }

    public static CompressionOutcome ToProto(this TriedCompression tried) => new()
    {
        Block = tried.Block,
        Metric = tried.Metric,
        FirstLoss = tried.FirstLoss,
        LastLoss = tried.LastLoss,
        NetworkDigest = tried.Network.ToString(),
    };

    private static RequestedEdit ToEdit(Edit edit) => edit.KindCase switch
    {
        Edit.KindOneofCase.DropBlock => new RequestedEdit(new Models.DropBlock(edit.DropBlock.Block)),
        Edit.KindOneofCase.CompressBlock => new RequestedEdit(
            new Models.CompressBlock(edit.CompressBlock.Block, Fields.Whole(edit.CompressBlock.Hidden, "candidates.compress_block.hidden", 1, 1_000_000), edit.CompressBlock.Seed),
            Fields.Known(edit.CompressBlock.Selection, "candidates.compress_block.selection") == HiddenSelection.Activation),
        _ => throw new InvalidFieldException("candidates", "each must be a drop_block or a compress_block."),
    };

    private static MimicSettings ToSettings(MimicTraining training, ulong seed, FeaturePoint point) => new(
        seed,
        Fields.Whole(training.Iterations, "training.iterations", 1, 10_000_000, defaultValue: 2000),
        Fields.Whole(training.BatchSize, "training.batch_size", 1, 65_536, defaultValue: 64),
        training.LearningRate == 0 ? null : Fields.Number(training.LearningRate, "training.learning_rate", 1e-12, 100),
        Fields.Number(training.WeightDecay, "training.weight_decay", 0, 1, defaultValue: 1e-4),
        Fields.Number(training.GradientClip, "training.gradient_clip", 0, 1e9, defaultValue: 1),
        Fields.Number(training.WarmupFraction, "training.warmup_fraction", 0, 0.9, defaultValue: 0.01),
        InitializationOf(training),
        training.AllBlocks,
        point);

    private static Initialization InitializationOf(MimicTraining training) => Fields.Known(training.Initialization, "training.initialization") switch
    {
        Trials.V1.Initialization.Random => Initialization.Random,
        Trials.V1.Initialization.Reused => Initialization.Reused,
        _ => Initialization.Ridge,
    };
}
