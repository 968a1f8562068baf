using Fewshot.Compression.Trials;
using Fewshot.ServiceDefaults;
using Fewshot.StageDefaults.Grpc;
using Fewshot.Trials.V1;
using CompressionMetric = Fewshot.Compression.Trials.CompressionMetric;

namespace Fewshot.BlockTrial.Grpc;

/// <summary>Between the contract and the compression trials' own terms.</summary>
internal static class CompressionTranslation
{
    public static CompressionJob ToJob(this TryCompressionsRequest request)
    {
        if (request.Candidates.Count is 0 or > 10_000)
            throw new InvalidFieldException("candidates", "takes 1 to 10000 edits.");
        var edits = request.Candidates.ToRequestedEdits("candidates");
        if (edits.DistinctBy(edit => CompressionTrials.BlockOf(edit.Edit), StringComparer.Ordinal).Count() != edits.Count)
            throw new InvalidFieldException("candidates", "must not repeat a block.");
        return new CompressionJob(
            Fields.Digest(request.NetworkDigest, "network_digest"),
            Fields.Digest(request.ImageSetDigest, "image_set_digest"),
            Fields.Digest(request.MetricSetDigest, "metric_set_digest"),
            edits,
            (CompressionMetric)Math.Max(0, (int)Fields.Known(request.Metric, "metric") - 1),
            (request.Training ?? new MimicTraining()).ToSettings("training", request.Seed, request.FeaturePoint.ToPoint("feature_point")),
            request.Compute.ToSettings());
    }

    public static CompressionOutcome ToProto(this TriedCompression tried) => new()
    {
        Block = tried.Block,
        Metric = tried.Metric,
        FirstLoss = tried.FirstLoss,
        LastLoss = tried.LastLoss,
        NetworkDigest = tried.Network.ToString(),
    };
}
