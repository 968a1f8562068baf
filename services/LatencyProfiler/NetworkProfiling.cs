using Fewshot.Artifacts;
using Fewshot.Compression;
using Fewshot.Compression.Profiling;
using Fewshot.Models;
using Fewshot.ServiceDefaults;

namespace Fewshot.LatencyProfiler;

/// <summary>What to measure.</summary>
internal sealed record ProfilingJob(
    Digest Network, IReadOnlyList<(string Name, IReadOnlyList<Edit> Edits)> Candidates, int BatchSize, int Runs, int WarmupRuns, string DeviceFingerprint, ComputeSettings Compute);

/// <summary>What was measured, and on what.</summary>
internal sealed record ProfilingOutcome(DeviceInfo Device, Measurement Original, IReadOnlyList<Measurement> Candidates);

/// <summary>Networks from artifacts, described and measured.</summary>
internal static class NetworkProfiling
{
    /// <summary>Reads a network's description and counts what it costs; its weights are not looked at.</summary>
    /// <exception cref="PreconditionException">The artifact does not describe a network.</exception>
    /// <exception cref="ModelException">It describes none that this version can build.</exception>
    public static (NetworkSpec Spec, NetworkCosts Costs) Describe(string path, IReadOnlyList<Edit> edits, MacsConvention convention)
    {
        var spec = Checkpoint.ReadSpec(path)
            ?? throw new PreconditionException("The artifact does not describe its network (no metadata 'fewshot'): convert it first.");
        var edited = spec with { Edits = [.. spec.Edits, .. edits] };
        return (edited, ModelCatalog.Describe(edited, convention));
    }

    /// <summary>Measures candidates beside the original.</summary>
    /// <exception cref="PreconditionException">This worker is another device than the job names.</exception>
    public static ProfilingOutcome Measure(StepContext step, ProfilingJob job)
    {
        var device = DeviceInfo.Current(job.Compute);
        if (device.Fingerprint != job.DeviceFingerprint)
            throw new PreconditionException($"device_fingerprint: this worker is {device.Name}, {device.Threads} threads, {device.Dtype}; ask DescribeDevice again.");
        using var network = Checkpoint.Load(step.Materialize(job.Network));
        var (original, candidates) = Profiler.Measure(
            network, job.Candidates, job.BatchSize, job.Runs, job.WarmupRuns, job.Compute, step.Progress, step.Stop);
        return new ProfilingOutcome(device, original, candidates);
    }
}
