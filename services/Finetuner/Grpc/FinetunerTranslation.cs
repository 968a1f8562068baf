using Fewshot.Compression.Finetuning;
using Fewshot.Finetuning.V1;
using Fewshot.ServiceDefaults;
using Fewshot.StageDefaults.Grpc;

namespace Fewshot.Finetuner.Grpc;

/// <summary>Between the contract and the training's own terms.</summary>
internal static class FinetunerTranslation
{
    /// <summary>What the request asks for: DC-ViT's finetuning where it says how to mimic, PRACTISE's otherwise.</summary>
    public static Func<StepContext, FinetunedNetwork> ToWork(this FinetuneRequest request)
    {
        if (request.Mimic is not null)
        {
            var progressive = request.ToProgressiveJob();
            return step => NetworkTraining.Compress(step, progressive);
        }

        if (request.StartDigest.Length > 0)
            throw new InvalidFieldException("start_digest", "is only taken together with mimic.");
        if (request.Optimizer?.Kind == OptimizerKind.Adamw)
            throw new InvalidFieldException("optimizer.kind", "must be SGD here; mimic trains with AdamW.");
        var job = request.ToJob();
        return step => NetworkTraining.Finetune(step, job);
    }

    private static ProgressiveJob ToProgressiveJob(this FinetuneRequest request) => new(
        Fields.Digest(request.TeacherDigest, "teacher_digest"),
        Fields.Digest(request.StartDigest.Length > 0 ? request.StartDigest : request.TeacherDigest, "start_digest"),
        request.Edits.Count > 0 ? request.Edits.ToRequestedEdits("edits") : throw new InvalidFieldException("edits", "must name at least one block to compress or drop."),
        Fields.Digest(request.ImageSetDigest, "image_set_digest"),
        request.Mimic.ToSettings("mimic", request.Seed, request.FeaturePoint.ToPoint("feature_point")),
        request.Compute.ToSettings());

    private static FinetuneJob ToJob(this FinetuneRequest request) => new(
        Fields.Digest(request.TeacherDigest, "teacher_digest"),
        request.Edits.ToEdits("edits"),
        Fields.Digest(request.ImageSetDigest, "image_set_digest"),
        ToSettings(request.Optimizer, request.Seed, iterations: 2000, learningRate: 0.02),
        request.FeaturePoint.ToPoint("feature_point"),
        request.Compute.ToSettings());

    public static EvaluationJob ToJob(this EvaluateRequest request)
    {
        var network = Fields.Present(request.Network, "network");
        return new EvaluationJob(
            Fields.Digest(network.Digest, "network.digest"),
            network.Edits.ToEdits("network.edits"),
            Fields.Digest(request.ImageSetDigest, "image_set_digest"),
            Fields.Whole(request.BatchSize, "batch_size", 1, 65_536, defaultValue: 64),
            request.Compute.ToSettings());
    }

    public static TrainingJob ToJob(this TrainRequest request)
    {
        var network = Fields.Present(request.Network, "network");
        return new TrainingJob(
            Fields.Digest(network.Digest, "network.digest"),
            network.Edits.ToEdits("network.edits"),
            Fields.Digest(request.ImageSetDigest, "image_set_digest"),
            ToSettings(request.Optimizer, request.Seed, iterations: 1000, learningRate: 0.1),
            request.Compute.ToSettings());
    }

    public static FinetuneResult ToProto(this FinetunedNetwork tuned) => new()
    {
        NetworkDigest = tuned.Network.ToString(),
        FirstLoss = tuned.Loss.FirstLoss,
        LastLoss = tuned.Loss.LastLoss,
        Images = tuned.Images,
        RenamedBlocks = { tuned.RenamedBlocks.OrderBy(pair => pair.Key, StringComparer.Ordinal).ToDictionary() },
    };

    public static EvaluateResult ToProto(this EvaluatedNetwork evaluated) => new()
    {
        Top1 = evaluated.Accuracy.Top1,
        Top5 = evaluated.Accuracy.Top5,
        Images = evaluated.Accuracy.Images,
        SkippedImages = evaluated.SkippedImages,
        Loss = evaluated.Accuracy.Loss,
    };

    public static TrainResult ToProto(this TrainedNetwork trained) =>
        new() { NetworkDigest = trained.Network.ToString(), LastLoss = trained.LastLoss, Images = trained.Images };

    private static TrainingSettings ToSettings(OptimizerSettings? optimizer, ulong seed, int iterations, double learningRate)
    {
        optimizer ??= new OptimizerSettings();
        var adamW = Fields.Known(optimizer.Kind, "optimizer.kind") == OptimizerKind.Adamw;
        return new TrainingSettings(
            seed,
            Fields.Whole(optimizer.Iterations, "optimizer.iterations", 1, 10_000_000, iterations),
            Fields.Whole(optimizer.BatchSize, "optimizer.batch_size", 1, 65_536, defaultValue: 64),
            Fields.Number(optimizer.LearningRate, "optimizer.learning_rate", 1e-12, 100, adamW ? 1e-3 : learningRate),
            Fields.Number(optimizer.Momentum, "optimizer.momentum", 0, 0.9999, defaultValue: 0.9),
            Fields.Number(optimizer.WeightDecay, "optimizer.weight_decay", 0, 1, defaultValue: 1e-4),
            adamW);
    }
}
