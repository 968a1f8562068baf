using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fewshot.Gateway.Workflows;

/// <summary>The report of a PRACTISE job, as JSON. What was not measured is null, never missing.</summary>
public sealed record PractiseReport
{
    /// <summary>Names this layout.</summary>
    public const string SchemaName = "fewshot.report/1";

    private static readonly JsonSerializerOptions Options = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary><see cref="SchemaName"/>.</summary>
    public string Schema { get; init; } = SchemaName;

    /// <summary><c>practise</c>.</summary>
    public string Method { get; init; } = "practise";

    /// <summary>Catalog name of the original.</summary>
    public required string Arch { get; init; }

    /// <summary>All randomness derives from it.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Images decoded and used.</summary>
    public required int Samples { get; init; }

    /// <summary>How blocks were judged.</summary>
    public required string Criterion { get; init; }

    /// <summary><c>measured</c>, <c>profile</c> or <c>macs</c>.</summary>
    public required string TauSource { get; init; }

    /// <summary>What the latencies of teacher and result were measured on.</summary>
    public required DeviceRow Device { get; init; }

    /// <summary>What the blocks' taus were measured on; null where they are MACs or were not needed.</summary>
    public required DeviceRow? TauDevice { get; init; }

    /// <summary>The original.</summary>
    public required NetworkRow Teacher { get; init; }

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

    /// <summary>What a MAC is here.</summary>
    public string MacsConvention { get; init; } = "multiply-adds of convolutions and matrix products, per image";

    /// <summary>Every droppable block, in network order.</summary>
    public required IReadOnlyList<BlockRow> Blocks { get; init; }

    /// <summary>Kept blocks: name in the original to name in the result's checkpoint.</summary>
    public required IReadOnlyDictionary<string, string> RenamedBlocks { get; init; }

    /// <summary>Mimic loss on the images before and after the finetune.</summary>
    public required LossRow MimicLoss { get; init; }

    /// <summary>Time of the work, also where it was done by an earlier run.</summary>
    public required SecondsRow Seconds { get; init; }

    /// <summary>The steps in the order of the method.</summary>
    public required IReadOnlyList<StepRow> Steps { get; init; }

    /// <summary>Digests.</summary>
    public required ArtifactsRow Artifacts { get; init; }

    /// <summary>What a reader must know.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    /// <summary>UTF-8 JSON.</summary>
    public byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, Options);
}

/// <summary>A device; a latency means nothing without it.</summary>
public sealed record DeviceRow(string Name, string Runtime, int Threads, string Dtype, string Fingerprint, int BatchSize);

/// <summary>A network's accuracy (fractions), latency (microseconds a batch) and costs.</summary>
public record NetworkRow
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
}

/// <summary>The compressed network.</summary>
public sealed record ResultRow : NetworkRow
{
    /// <summary>Fraction, blocks gone and nothing trained.</summary>
    [JsonPropertyName("top1_before_finetune")]
    public required double? Top1BeforeFinetune { get; init; }
}

/// <summary>A droppable block.</summary>
public sealed record BlockRow
{
    /// <summary>Name in the original.</summary>
    public required string Name { get; init; }

    /// <summary>Share of the latency (or MACs) that goes with it.</summary>
    public required double? Tau { get; init; }

    /// <summary>Its standard error.</summary>
    public required double? TauStderr { get; init; }

    /// <summary>The criterion's value; PRACTISE: mean squared error of the features.</summary>
    public required double? Recoverability { get; init; }

    /// <summary>Smaller goes first; null where it is not trustworthy (see the note).</summary>
    public required double? Score { get; init; }

    /// <summary>Whether it is gone.</summary>
    public required bool Dropped { get; init; }

    /// <summary>1 goes first.</summary>
    public required int? Rank { get; init; }

    /// <summary>Mean squared error of the features with the block gone and nothing trained.</summary>
    public required double? DistanceBefore { get; init; }

    /// <summary>Per image.</summary>
    public required long Macs { get; init; }

    /// <summary>Learnable elements.</summary>
    public required long Params { get; init; }

    /// <summary>Why it has no score.</summary>
    public required string? Note { get; init; }
}

/// <summary>Mimic loss.</summary>
public sealed record LossRow(double? Before, double? After);

/// <summary>Seconds of work; <c>Total</c> is everything, <c>Wall</c> how long this run of the job took.</summary>
public sealed record SecondsRow(double Profile, double Trials, double Finetune, double Evaluate, double Total, double Wall);

/// <summary>A step.</summary>
public sealed record StepRow(string Name, string Key, bool Cached, double Seconds);

/// <summary>Digests of what went in and came out.</summary>
public sealed record ArtifactsRow(string Network, string Images, string? Evaluation, string? Profile, string Model);
