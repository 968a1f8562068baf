using Fewshot.Compression;
using Fewshot.Compression.Finetuning;
using Fewshot.Compression.Mimicking;
using Fewshot.Finetuning.V1;
using Fewshot.Networks.V1;
using Fewshot.ServiceDefaults;
using Fewshot.Stages.V1;
using TorchSharp;

namespace Fewshot.Finetuner.Grpc;

/// <summary>Between the contract and the training's own terms.</summary>
internal static class FinetunerTranslation
{
    /// <summary>What the request asks for: DC-ViT's finetuning where it says how to mimic, PRACTISE's otherwise.</summary>
    public static Func<StepContext, FinetunedNetwork> ToWork(this FinetuneRequest request)
    {
        if (request.Mimic is not null)
        {
            var progressive = MimicTranslation.ToJob(request);
            return step => NetworkTraining.Compress(step, progressive);
        }

        if (request.StartDigest.Length > 0)
            throw new InvalidFieldException("start_digest", "is only taken together with mimic.");
        if (request.Optimizer?.Kind == OptimizerKind.Adamw)
            throw new InvalidFieldException("optimizer.kind", "must be SGD here; mimic trains with AdamW.");
        var job = request.ToJob();
        return step => NetworkTraining.Finetune(step, job);
    }

    private static FinetuneJob ToJob(this FinetuneRequest request) => new(
        Fields.Digest(request.TeacherDigest, "teacher_digest"),
        ToEdits(request.Edits, "edits"),
        Fields.Digest(request.ImageSetDigest, "image_set_digest"),
        ToSettings(request.Optimizer, request.Seed, iterations: 2000, learningRate: 0.02),
        (FeaturePoint)Math.Max(0, (int)Fields.Known(request.FeaturePoint, "feature_point") - 1),
        ToSettings(request.Compute));

    public static EvaluationJob ToJob(this EvaluateRequest request)
    {
        var network = Fields.Present(request.Network, "network");
        return new EvaluationJob(
            Fields.Digest(network.Digest, "network.digest"),
            ToEdits(network.Edits, "network.edits"),
            Fields.Digest(request.ImageSetDigest, "image_set_digest"),
            Fields.Whole(request.BatchSize, "batch_size", 1, 65_536, defaultValue: 64),
            ToSettings(request.Compute));
    }

    public static TrainingJob ToJob(this TrainRequest request)
    {
        var network = Fields.Present(request.Network, "network");
        return new TrainingJob(
            Fields.Digest(network.Digest, "network.digest"),
            ToEdits(network.Edits, "network.edits"),
            Fields.Digest(request.ImageSetDigest, "image_set_digest"),
            ToSettings(request.Optimizer, request.Seed, iterations: 1000, learningRate: 0.1),
            ToSettings(request.Compute));
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

    private static IReadOnlyList<Models.Edit> ToEdits(IEnumerable<Edit> edits, string field) => [.. edits.Select(edit => edit.KindCase switch
    {
        Edit.KindOneofCase.DropBlock => (Models.Edit)new Models.DropBlock(edit.DropBlock.Block),
        Edit.KindOneofCase.CompressBlock => new Models.CompressBlock(
            edit.CompressBlock.Block, Fields.Whole(edit.CompressBlock.Hidden, field + ".compress_block.hidden", 1, 1_000_000), edit.CompressBlock.Seed),
        _ => throw new InvalidFieldException(field, "each must be a drop_block or a compress_block."),
    })];

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

    public static ComputeSettings ToSettings(ComputeOptions? compute) => compute is null ? ComputeSettings.Cpu : new ComputeSettings(
        Fields.Known(compute.Device, "compute.device") == Device.Cuda ? torch.CUDA : torch.CPU,
        compute.MixedPrecision,
        compute.Tf32,
        Fields.Whole(compute.Threads, "compute.threads", 0, 4096));
}
