using System.Text.Json.Serialization;
using Fewshot.Gateway.Workflows;

namespace Fewshot.Gateway.Reports;

/// <summary>One compressed network beside its original.</summary>
internal sealed record OutcomePart
{
    /// <summary>The compressed network.</summary>
    public required ResultRow Result { get; init; }

    /// <summary>Measured jointly: (teacher - result) / teacher.</summary>
    public required double? LatencyReduction { get; init; }

    /// <summary>Its standard error.</summary>
    public required double? LatencyReductionStderr { get; init; }

    /// <summary>(teacher - result) / teacher.</summary>
    public required double MacsReduction { get; init; }

    /// <summary>(teacher - result) / teacher.</summary>
    public required double ParamsReduction { get; init; }

    /// <summary>Kept blocks: name in the original to name in the result's checkpoint.</summary>
    public required IReadOnlyDictionary<string, string> RenamedBlocks { get; init; }

    /// <summary>Mimic loss on the images before and after the (last) finetune.</summary>
    public required LossRow MimicLoss { get; init; }

    public static OutcomePart Of(
        NetworkFacts original, NetworkFacts result, AccuracyFacts? before, AccuracyFacts? after, LatencyFacts? joint,
        IReadOnlyDictionary<string, string> renamed, double firstLoss, double lastLoss) => new()
        {
            Result = new ResultRow(NetworkRow.Of(result, after, joint)) { Top1BeforeFinetune = before?.Top1 },
            LatencyReduction = Finite.Or(joint?.Tau),
            LatencyReductionStderr = Finite.Or(joint?.TauStderr),
            MacsReduction = (original.Macs - result.Macs) / (double)original.Macs,
            ParamsReduction = (original.Params - result.Params) / (double)original.Params,
            RenamedBlocks = renamed,
            MimicLoss = new LossRow(Finite.Or(firstLoss), Finite.Or(lastLoss)),
        };
}

/// <summary>A network's accuracy (fractions), latency (microseconds a batch) and costs.</summary>
internal record NetworkRow
{
    /// <summary>Fraction.</summary>
    public required double? Top1 { get; init; }

    /// <summary>Fraction.</summary>
    public required double? Top5 { get; init; }

    /// <summary>Mean.</summary>
    public required double? LatencyUs { get; init; }

    /// <summary>Median.</summary>
    [JsonPropertyName("latency_p50_us")]
    public required double? LatencyP50Us { get; init; }

    /// <summary>95th percentile.</summary>
    [JsonPropertyName("latency_p95_us")]
    public required double? LatencyP95Us { get; init; }

    /// <summary>Standard error of the mean.</summary>
    public required double? LatencyStderrUs { get; init; }

    /// <summary>Per image.</summary>
    public required long Macs { get; init; }

    /// <summary>Learnable elements.</summary>
    public required long Params { get; init; }

    public static NetworkRow Of(NetworkFacts network, AccuracyFacts? accuracy, LatencyFacts? latency) => new()
    {
        Top1 = accuracy?.Top1,
        Top5 = accuracy?.Top5,
        LatencyUs = Finite.Or(latency?.MeanUs),
        LatencyP50Us = Finite.Or(latency?.P50Us),
        LatencyP95Us = Finite.Or(latency?.P95Us),
        LatencyStderrUs = Finite.Or(latency?.StderrUs),
        Macs = network.Macs,
        Params = network.Params,
    };
}

/// <summary>The compressed network.</summary>
internal sealed record ResultRow : NetworkRow
{
    [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
    public ResultRow(NetworkRow network)
        : base(network)
    {
    }

    /// <summary>Fraction, blocks compressed or gone and nothing trained.</summary>
    [JsonPropertyName("top1_before_finetune")]
    [JsonPropertyOrder(1)]
    public double? Top1BeforeFinetune { get; init; }
}

/// <summary>Mimic loss.</summary>
internal sealed record LossRow(double? Before, double? After);

/// <summary>JSON has no infinities.</summary>
internal static class Finite
{
    public static double? Or(double? value) => value is { } number && double.IsFinite(number) ? number : null;
}
