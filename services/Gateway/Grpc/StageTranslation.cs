using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Workflows;
using Fewshot.Networks.V1;
using Fewshot.Profiling.V1;
using Fewshot.Stages.V1;
using Google.Protobuf;

namespace Fewshot.Gateway.Grpc;

/// <summary>Between the stages' contracts and the gateway's own terms.</summary>
internal static class StageTranslation
{
    private static readonly JsonFormatter ReportFormat = new(JsonFormatter.Settings.Default.WithFormatDefaultValues(true).WithPreserveProtoFieldNames(true));

    /// <summary>As JSON with the contract's own field names, as reports have them, and no field left out for being zero.</summary>
    public static string ToReportJson(this IMessage result) => ReportFormat.Format(result);

    public static ComputeOptions ToProto(this ComputeChoice compute) => new()
    {
        Device = compute.Cuda ? Device.Cuda : Device.Cpu,
        MixedPrecision = compute.MixedPrecision,
        Tf32 = compute.Tf32,
        Threads = compute.Threads,
    };

    public static Finetuning.V1.OptimizerSettings ToProto(this OptimizerChoice optimizer) => new()
    {
        Iterations = optimizer.Iterations,
        BatchSize = optimizer.BatchSize,
        LearningRate = optimizer.LearningRate,
        Momentum = optimizer.Momentum,
        WeightDecay = optimizer.WeightDecay,
    };

    public static Trials.V1.MimicTraining ToProto(this MimicChoice training) => new()
    {
        Iterations = training.Iterations,
        BatchSize = training.BatchSize,
        LearningRate = training.LearningRate ?? 0,
        WeightDecay = training.WeightDecay,
        GradientClip = training.GradientClip,
        WarmupFraction = training.WarmupFraction,
        Initialization = (Trials.V1.Initialization)((int)training.Initialization + 1),
        AllBlocks = training.AllBlocks,
    };

    public static Edit ToProto(this BlockEdit edit) => edit switch
    {
        BlockEdit.Drop drop => new Edit { DropBlock = new DropBlock { Block = drop.Block } },
        BlockEdit.Compress compress => new Edit
        {
            CompressBlock = new CompressBlock
            {
                Block = compress.Block, Hidden = compress.Hidden, Selection = (Networks.V1.HiddenSelection)((int)compress.Selection + 1), Seed = compress.Seed,
            },
        },
        _ => throw new InvalidOperationException($"Unknown edit {edit}."),
    };

    public static Network Network(string digest, IEnumerable<BlockEdit> edits) => new() { Digest = digest, Edits = { edits.Select(ToProto) } };

    public static Trials.V1.FeaturePoint ToProto(this FeaturePoint point) => (Trials.V1.FeaturePoint)((int)point + 1);

    public static NetworkFacts ToFacts(this NetworkDescription network) => new(
        network.Variant,
        [.. network.Blocks.Select(block => new BlockFacts(block.Name, block.Stage, block.Droppable, block.Macs, block.Params, block.AttentionMacs, block.MlpMacs, block.Hidden,
            block.Compressible, block.CheckpointName))],
        network.Macs, network.Params, network.ImageSize, network.Classes);

    public static DeviceFacts ToFacts(this DeviceDescription device) => new(device.Name, device.Runtime, device.Threads, device.Dtype, device.Fingerprint);

    public static ProfileFacts ToFacts(this ProfileResult profile) =>
        new(profile.Device.ToFacts(), profile.Original.ToFacts(), [.. profile.Candidates.Select(ToFacts)], profile.BatchSize);

    public static ProgressNote ToNote(this Progress progress) =>
        new(progress.Stage, progress.Completed, progress.Total, progress.MetricName, progress.Metric, progress.Eta?.ToTimeSpan().TotalSeconds);

    public static StepResult<TOut> Select<TIn, TOut>(this StepResult<TIn> step, Func<TIn, TOut> value) =>
        new(value(step.Value), step.Name, step.Key, step.Cached, step.Seconds);

    private static LatencyFacts ToFacts(this Measurement m) =>
        new(m.Name, m.Macs, m.Params, m.MeanUs, m.P50Us, m.P95Us, m.StderrUs, m.Runs, m.Tau, m.TauStderr);
}
