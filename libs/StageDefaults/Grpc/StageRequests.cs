using Fewshot.Compression;
using Fewshot.Compression.Edits;
using Fewshot.Networks.V1;
using Fewshot.ServiceDefaults;
using Fewshot.Stages.V1;
using Fewshot.Trials.V1;
using Mimicking = Fewshot.Compression.Mimicking;

namespace Fewshot.StageDefaults.Grpc;

/// <summary>The parts that requests of several stages share, in the compression's own terms.</summary>
public static class StageRequests
{
    /// <summary>More than the cores only slow each other down; thousands of them, the whole machine.</summary>
    private static int MostThreads => Math.Max(64, 2 * Environment.ProcessorCount);

    /// <summary>Where and how to compute.</summary>
    /// <exception cref="InvalidFieldException">A field is out of range.</exception>
    public static ComputeSettings ToSettings(this ComputeOptions? compute) => compute is null ? ComputeSettings.Cpu : new ComputeSettings(
        DeviceOf(Fields.Known(compute.Device, "compute.device")),
        compute.MixedPrecision,
        compute.Tf32,
        Fields.Whole(compute.Threads, "compute.threads", 0, MostThreads));

    /// <summary>TorchSharp makes no CUDA device where there is none.</summary>
    private static TorchSharp.torch.Device DeviceOf(Device device) => device != Device.Cuda ? TorchSharp.torch.CPU : TorchSharp.torch.cuda.is_available()
        ? TorchSharp.torch.CUDA
        : throw new PreconditionException("device: cuda was asked for, but the tensor library found here has no usable CUDA device; use cpu");

    /// <summary>Edits where there are no images to choose hidden units by.</summary>
    /// <exception cref="InvalidFieldException">An edit is of no known kind, or asks for a choice by activation.</exception>
    public static IReadOnlyList<Models.Edit> ToEdits(this IEnumerable<Edit> edits, string field) => [.. edits.ToRequestedEdits(field).Select(requested => requested.ByActivation
        ? throw new InvalidFieldException(field + ".compress_block.selection", "must be random here: there are no training images to choose hidden units by.")
        : requested.Edit)];

    /// <summary>Edits as they are asked for.</summary>
    /// <exception cref="InvalidFieldException">An edit is of no known kind, or a field of it is out of range.</exception>
    public static IReadOnlyList<RequestedEdit> ToRequestedEdits(this IEnumerable<Edit> edits, string field) => [.. edits.Select(edit => edit.KindCase switch
    {
        Edit.KindOneofCase.DropBlock => new RequestedEdit(new Models.DropBlock(edit.DropBlock.Block)),
        Edit.KindOneofCase.CompressBlock => new RequestedEdit(
            new Models.CompressBlock(edit.CompressBlock.Block, Fields.Whole(edit.CompressBlock.Hidden, field + ".compress_block.hidden", 1, 1_000_000), edit.CompressBlock.Seed),
            Fields.Known(edit.CompressBlock.Selection, field + ".compress_block.selection") == HiddenSelection.Activation),
        _ => throw new InvalidFieldException(field, "each must be a drop_block or a compress_block."),
    })];

    /// <summary>Where features are compared.</summary>
    /// <exception cref="InvalidFieldException">No point this version knows.</exception>
    public static Mimicking.FeaturePoint ToPoint(this FeaturePoint point, string field) => Fields.Known(point, field) switch
    {
        FeaturePoint.PostGap => Mimicking.FeaturePoint.PostGap,
        FeaturePoint.LastTrained => Mimicking.FeaturePoint.LastTrained,
        _ => Mimicking.FeaturePoint.PreGap,
    };

    /// <summary>How a compressed network learns to mimic.</summary>
    /// <exception cref="InvalidFieldException">A field is out of range.</exception>
    public static Mimicking.MimicSettings ToSettings(this MimicTraining training, string field, ulong seed, Mimicking.FeaturePoint point) => new(
        seed,
        Fields.Whole(training.Iterations, field + ".iterations", 1, 10_000_000, defaultValue: 2000),
        Fields.Whole(training.BatchSize, field + ".batch_size", 1, 65_536, defaultValue: 64),
        training.LearningRate == 0 ? null : Fields.Number(training.LearningRate, field + ".learning_rate", 1e-12, 100),
        Fields.Number(training.WeightDecay, field + ".weight_decay", 0, 1, defaultValue: 1e-4),
        Fields.Number(training.GradientClip, field + ".gradient_clip", 0, 1e9, defaultValue: 1),
        Fields.Number(training.WarmupFraction, field + ".warmup_fraction", 0, 0.9, defaultValue: 0.01),
        Fields.Known(training.Initialization, field + ".initialization") switch
        {
            Initialization.Random => Mimicking.Initialization.Random,
            Initialization.Ridge => Mimicking.Initialization.Ridge,
            _ => Mimicking.Initialization.Reused,
        },
        training.AllBlocks,
        point);
}
