using Fewshot.Compression;
using Fewshot.Compression.Profiling;
using Fewshot.Networks.V1;
using Fewshot.Profiling.V1;
using Fewshot.ServiceDefaults;
using Fewshot.Stages.V1;
using TorchSharp;
using Measurement = Fewshot.Compression.Profiling.Measurement;

namespace Fewshot.LatencyProfiler.Grpc;

/// <summary>Between the contract and the profiler's own terms.</summary>
internal static class ProfilingTranslation
{
    public static ProfilingJob ToJob(this ProfileRequest request)
    {
        if (request.Candidates.Count > 10_000)
            throw new InvalidFieldException("candidates", "takes at most 10000.");
        if (request.Candidates.DistinctBy(candidate => candidate.Name, StringComparer.Ordinal).Count() != request.Candidates.Count)
            throw new InvalidFieldException("candidates", "must have different names.");
        if (request.DeviceFingerprint.Length == 0)
            throw new InvalidFieldException("device_fingerprint", "is missing: ask DescribeDevice.");
        return new ProfilingJob(
            Fields.Digest(request.NetworkDigest, "network_digest"),
            [.. request.Candidates.Select((candidate, i) => (candidate.Name, ToEdits(candidate.Edits, $"candidates[{i}].edits")))],
            Fields.Whole(request.BatchSize, "batch_size", 1, 65_536, defaultValue: 64),
            Fields.Whole(request.Runs, "runs", 1, 100_000, defaultValue: 50),
            Fields.Whole(request.WarmupRuns, "warmup_runs", 1, 100_000, defaultValue: 5),
            request.DeviceFingerprint,
            ToSettings(request.Compute));
    }

    public static IReadOnlyList<Models.Edit> ToEdits(IEnumerable<Edit> edits, string field) => [.. edits.Select(edit => edit.KindCase switch
    {
        Edit.KindOneofCase.DropBlock => (Models.Edit)new Models.DropBlock(edit.DropBlock.Block),
        Edit.KindOneofCase.CompressBlock => new Models.CompressBlock(
            edit.CompressBlock.Block, Fields.Whole(edit.CompressBlock.Hidden, field + ".compress_block.hidden", 1, 1_000_000), edit.CompressBlock.Seed),
        _ => throw new InvalidFieldException(field, "each must be a drop_block or a compress_block."),
    })];

    public static Models.MacsConvention ToConvention(this MacsConvention convention, string field) =>
        Fields.Known(convention, field) == MacsConvention.Paper ? Models.MacsConvention.Paper : Models.MacsConvention.Standard;

    public static ComputeSettings ToSettings(ComputeOptions? compute) => compute is null ? ComputeSettings.Cpu : new ComputeSettings(
        Fields.Known(compute.Device, "compute.device") == Device.Cuda ? torch.CUDA : torch.CPU,
        compute.MixedPrecision,
        compute.Tf32,
        Fields.Whole(compute.Threads, "compute.threads", 0, 4096));

    public static NetworkDescription ToProto(Models.NetworkSpec spec, Models.NetworkCosts costs) => new()
    {
        Variant = spec.Variant,
        Blocks = { costs.Blocks.Select(ToProto) },
        Macs = costs.Macs,
        Params = costs.Params,
        ImageSize = spec.Preprocessing.Size,
        Classes = spec.Classes,
        Family = Models.ModelCatalog.Find(spec.Variant).Family,
        HasBatchNorm = costs.HasBatchNorm,
    };

    private static Block ToProto(Models.BlockCosts block) => new()
    {
        Name = block.Name,
        Stage = block.Stage,
        Droppable = block.Droppable,
        Macs = block.Macs,
        Params = block.Params,
        AttentionMacs = block.AttentionMacs,
        MlpMacs = block.MlpMacs,
        Hidden = (int)block.Hidden,
        Compressible = block.Compressible,
        CheckpointName = block.CheckpointName,
    };

    public static DeviceDescription ToProto(this DeviceInfo device) =>
        new() { Name = device.Name, Runtime = device.Runtime, Threads = device.Threads, Dtype = device.Dtype, Fingerprint = device.Fingerprint };

    public static ProfileResult ToProto(this ProfilingOutcome outcome, int batchSize) => new()
    {
        Device = outcome.Device.ToProto(),
        Original = ToProto(outcome.Original),
        Candidates = { outcome.Candidates.Select(ToProto) },
        BatchSize = batchSize,
    };

    private static Profiling.V1.Measurement ToProto(Measurement m) => new()
    {
        Name = m.Name,
        Macs = m.Macs,
        Params = m.Params,
        MeanUs = m.MeanUs,
        P50Us = m.P50Us,
        P95Us = m.P95Us,
        StderrUs = m.StderrUs,
        Runs = m.Runs,
        Tau = m.Tau,
        TauStderr = m.TauStderr,
    };
}
