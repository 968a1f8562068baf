using Fewshot.Compression.Profiling;
using Fewshot.Networks.V1;
using Fewshot.Profiling.V1;
using Fewshot.ServiceDefaults;
using Fewshot.StageDefaults.Grpc;
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
            [.. request.Candidates.Select((candidate, i) => (candidate.Name, candidate.Edits.ToEdits($"candidates[{i}].edits")))],
            Fields.Whole(request.BatchSize, "batch_size", 1, 65_536, defaultValue: 64),
            Fields.Whole(request.Runs, "runs", 1, 100_000, defaultValue: 50),
            Fields.Whole(request.WarmupRuns, "warmup_runs", 1, 100_000, defaultValue: 5),
            request.DeviceFingerprint,
            request.Compute.ToSettings());
    }

    public static Models.MacsConvention ToConvention(this MacsConvention convention, string field) =>
        Fields.Known(convention, field) == MacsConvention.Paper ? Models.MacsConvention.Paper : Models.MacsConvention.Standard;

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
