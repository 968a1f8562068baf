using System.Diagnostics;
using Fewshot.Artifacts;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Profiling;

/// <summary>What one network costs.</summary>
/// <param name="Macs">Multiply-adds per image.</param>
/// <param name="MeanUs">Mean time of one forward pass of the batch, microseconds.</param>
/// <param name="StderrUs">Standard error of that mean.</param>
/// <param name="Tau">Latency reduction (original - this) / original: median over rounds, against the original's passes just before and after.</param>
/// <param name="TauStderr">Its standard error.</param>
public sealed record Measurement(
    string Name, long Macs, long Params, double MeanUs, double P50Us, double P95Us, double StderrUs, int Runs, double Tau, double TauStderr);

/// <summary>
/// Times forward passes without gradient, after warm-up, device-synchronised. Every round times each candidate once, a few at a time between two
/// passes of the original, and begins with another candidate than the last: a drift of the machine and the place in the round cancel in tau.
/// </summary>
public static class Profiler
{
    /// <summary>Once this long has been spent and <see cref="FewestRuns"/> rounds are in, the rounds end, however many were asked for.</summary>
    public static readonly TimeSpan Budget = TimeSpan.FromSeconds(60);

    /// <summary>Rounds that are run whatever they take.</summary>
    public const int FewestRuns = 10;

    /// <param name="runs">Rounds, unless <see cref="Budget"/> ends them; what was run is in the measurements.</param>
    /// <param name="candidates">Networks that the edits make of the original; measured as they would be deployed, batch norm folded.</param>
    /// <exception cref="InvalidEditException">An edit names an unknown or undroppable block.</exception>
    public static (Measurement Original, IReadOnlyList<Measurement> Candidates) Measure(
        Network original, IReadOnlyList<(string Name, IReadOnlyList<Edit> Edits)> candidates, int batchSize, int runs, int warmup,
        ComputeSettings compute, IProgress<StepProgress> progress, CancellationToken cancellation)
    {
        compute.Apply();
        using var scope = NewDisposeScope();
        using var mode = inference_mode();
        using var folded = original.Folded();
        folded.To(compute.Device, compute.ActivationType);
        var reference = new ProfiledNetwork("original", folded, []);
        var networks = candidates.Select(c => new ProfiledNetwork(c.Name, folded, c.Edits)).ToArray();
        try
        {
            return Measure(reference, networks, batchSize, runs, warmup, compute, progress, cancellation);
        }
        finally
        {
            foreach (var network in networks)
                network.Dispose();
        }
    }

    private static (Measurement Original, IReadOnlyList<Measurement> Candidates) Measure(
        ProfiledNetwork reference, ProfiledNetwork[] networks, int batchSize, int runs, int warmup, ComputeSettings compute, IProgress<StepProgress> progress, CancellationToken cancellation)
    {
        var input = reference.Preprocessing;
        var generator = new Generator(0, compute.Device);
        var batch = randn([batchSize, input.Channels, input.Size, input.Size], device: compute.Device, generator: generator).to(compute.ActivationType);
        var rounds = new LatencyRounds(networks.Length);
        var begun = Stopwatch.GetTimestamp();
        for (var round = -warmup; round < runs && (round < FewestRuns || Stopwatch.GetElapsedTime(begun) < Budget); round++)
        {
            rounds.Run(round + warmup, Time, keep: round >= 0);
            progress.Report(new StepProgress("profile", round + warmup + 1, runs + warmup));
        }

        return (Summarise(reference, rounds.Original, [0]), [.. networks.Select((network, i) => Summarise(network, rounds.Times(i), rounds.Taus(i)))]);

        double Time(int? candidate)
        {
            cancellation.ThrowIfCancellationRequested();
            return Profiler.Time(candidate is { } index ? networks[index] : reference, batch, compute.Device);
        }
    }

    /// <summary>Counts without timing: latencies are 0, tau is NaN.</summary>
    public static Measurement Count(Network original, string name, IReadOnlyList<Edit> edits)
    {
        using var network = new ProfiledNetwork(name, original, edits);
        return new Measurement(name, network.Macs, network.Params, 0, 0, 0, 0, 0, double.NaN, double.NaN);
    }

    private static double Time(ProfiledNetwork network, Tensor batch, Device device)
    {
        using var scope = NewDisposeScope();
        Synchronize(device);
        var start = Stopwatch.GetTimestamp();
        network.Forward(batch);
        Synchronize(device);
        return Stopwatch.GetElapsedTime(start).TotalMicroseconds;
    }

    private static void Synchronize(Device device)
    {
        if (device.type == DeviceType.CUDA)
            cuda.synchronize(device);
    }

    private static Measurement Summarise(ProfiledNetwork network, IReadOnlyList<double> times, IReadOnlyList<double> taus)
    {
        var (mean, stderr) = LatencyStatistics.Mean(times);
        var sorted = times.Order().ToArray();
        var (tau, tauStderr) = taus is [0] ? (0, 0) : LatencyStatistics.Median(taus);
        return new Measurement(
            network.Name, network.Macs, network.Params, mean, LatencyStatistics.Quantile(sorted, 0.5), LatencyStatistics.Quantile(sorted, 0.95),
            stderr, times.Count, tau, tauStderr);
    }
}
