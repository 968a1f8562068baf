using Fewshot.Compression.Edits;
using Fewshot.Compression.Mimicking;
using Fewshot.Finetuning.V1;
using Fewshot.Networks.V1;
using Fewshot.ServiceDefaults;
using Fewshot.Trials.V1;
using FeaturePoint = Fewshot.Compression.Mimicking.FeaturePoint;
using Initialization = Fewshot.Compression.Mimicking.Initialization;

namespace Fewshot.Finetuner.Grpc;

/// <summary>DC-ViT's finetuning between the contract and its own terms.</summary>
internal static class MimicTranslation
{
    public static ProgressiveJob ToJob(FinetuneRequest request) => new(
        Fields.Digest(request.TeacherDigest, "teacher_digest"),
        Fields.Digest(request.StartDigest.Length > 0 ? request.StartDigest : request.TeacherDigest, "start_digest"),
        request.Edits.Count > 0 ? [.. request.Edits.Select(ToEdit)] : throw new InvalidFieldException("edits", "must name at least one block to compress or drop."),
        Fields.Digest(request.ImageSetDigest, "image_set_digest"),
        ToSettings(request.Mimic, request.Seed, (FeaturePoint)Math.Max(0, (int)Fields.Known(request.FeaturePoint, "feature_point") - 1)),
        FinetunerTranslation.ToSettings(request.Compute));

    private static RequestedEdit ToEdit(Edit edit) => edit.KindCase switch
    {
        Edit.KindOneofCase.DropBlock => new RequestedEdit(new Models.DropBlock(edit.DropBlock.Block)),
        Edit.KindOneofCase.CompressBlock => new RequestedEdit(
            new Models.CompressBlock(edit.CompressBlock.Block, Fields.Whole(edit.CompressBlock.Hidden, "edits.compress_block.hidden", 1, 1_000_000), edit.CompressBlock.Seed),
            Fields.Known(edit.CompressBlock.Selection, "edits.compress_block.selection") == HiddenSelection.Activation),
        _ => throw new InvalidFieldException("edits", "each must be a drop_block or a compress_block."),
    };

    private static MimicSettings ToSettings(MimicTraining mimic, ulong seed, FeaturePoint point) => new(
        seed,
        Fields.Whole(mimic.Iterations, "mimic.iterations", 1, 10_000_000, defaultValue: 2000),
        Fields.Whole(mimic.BatchSize, "mimic.batch_size", 1, 65_536, defaultValue: 64),
        mimic.LearningRate == 0 ? null : Fields.Number(mimic.LearningRate, "mimic.learning_rate", 1e-12, 100),
        Fields.Number(mimic.WeightDecay, "mimic.weight_decay", 0, 1, defaultValue: 1e-4),
        Fields.Number(mimic.GradientClip, "mimic.gradient_clip", 0, 1e9, defaultValue: 1),
        Fields.Number(mimic.WarmupFraction, "mimic.warmup_fraction", 0, 0.9, defaultValue: 0.01),
        Fields.Known(mimic.Initialization, "mimic.initialization") switch
        {
            Trials.V1.Initialization.Random => Initialization.Random,
            Trials.V1.Initialization.Reused => Initialization.Reused,
            _ => Initialization.Ridge,
        },
        mimic.AllBlocks,
        point);
}
