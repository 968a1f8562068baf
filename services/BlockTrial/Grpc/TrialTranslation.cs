using Fewshot.Compression.Trials;
using Fewshot.ServiceDefaults;
using Fewshot.StageDefaults.Grpc;
using Fewshot.Trials.V1;
using Criterion = Fewshot.Compression.Trials.Criterion;
using TrialOutcome = Fewshot.Compression.Trials.TrialOutcome;

namespace Fewshot.BlockTrial.Grpc;

/// <summary>Between the contract and the trials' own terms.</summary>
internal static class TrialTranslation
{
    public static TrialJob ToJob(this RunTrialsRequest request)
    {
        if (request.Candidates.Count is 0 or > 10_000)
            throw new InvalidFieldException("candidates", "takes 1 to 10000 block names.");
        if (request.Candidates.Distinct(StringComparer.Ordinal).Count() != request.Candidates.Count)
            throw new InvalidFieldException("candidates", "must not repeat a block.");
        return new TrialJob(
            Fields.Digest(request.NetworkDigest, "network_digest"),
            Fields.Digest(request.ImageSetDigest, "image_set_digest"),
            [.. request.Candidates],
            new TrialSettings(
                (Criterion)Math.Max(0, (int)Fields.Known(request.Criterion, "criterion") - 1),
                request.Seed,
                Fields.Whole(request.Iterations, "iterations", 1, 10_000_000, defaultValue: 1000),
                Fields.Whole(request.BatchSize, "batch_size", 1, 65_536, defaultValue: 64),
                Fields.Number(request.LearningRate, "learning_rate", 1e-12, 100, defaultValue: 0.02),
                Fields.Number(request.Momentum, "momentum", 0, 0.9999, defaultValue: 0.9),
                Fields.Number(request.WeightDecay, "weight_decay", 0, 1, defaultValue: 1e-4),
                request.FeaturePoint.ToPoint("feature_point"),
                request.RidgeStart),
            request.Compute.ToSettings());
    }

    public static RunTrialsResult ToProto(this TrialJobOutcome outcome) =>
        new() { Outcomes = { outcome.Outcomes.Select(ToProto) }, Images = outcome.Images };

    private static Trials.V1.TrialOutcome ToProto(TrialOutcome outcome) =>
        new() { Block = outcome.Block, Value = outcome.Value, DistanceBefore = outcome.DistanceBefore };
}
