namespace Fewshot.Gateway.Reports;

/// <summary>What every compression report begins with: what was asked, of which network, on what.</summary>
internal sealed record HeadPart
{
    /// <summary>Names this layout.</summary>
    public string Schema { get; } = "fewshot.report/1";

    /// <summary><c>practise</c>, <c>dcvit</c> or <c>pareto</c>.</summary>
    public required string Method { get; init; }

    /// <summary>Catalog name of the original.</summary>
    public required string Arch { get; init; }

    /// <summary>All randomness derives from it.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Images decoded and used.</summary>
    public required int Samples { get; init; }

    /// <summary>How blocks were judged.</summary>
    public required string Criterion { get; init; }

    /// <summary><c>measured</c>, <c>profile</c> or <c>macs</c>; null where the method weighs no cost.</summary>
    public required string? TauSource { get; init; }

    /// <summary>What the latencies of teacher and result were measured on.</summary>
    public required DeviceRow Device { get; init; }

    /// <summary>What the blocks' taus were measured on; null where they are MACs or were not needed.</summary>
    public required DeviceRow? TauDevice { get; init; }

    /// <summary>The original.</summary>
    public required NetworkRow Teacher { get; init; }
}

/// <summary>What every compression report ends with: how it came about.</summary>
internal sealed record TailPart
{
    /// <summary>What a MAC is here.</summary>
    public required string MacsConvention { get; init; }

    /// <summary>Every block that could have been chosen, in network order.</summary>
    public required IReadOnlyList<object> Blocks { get; init; }

    /// <summary>Time of the work, also where it was done by an earlier run.</summary>
    public required SecondsRow Seconds { get; init; }

    /// <summary>The steps in the order of the method.</summary>
    public required IReadOnlyList<StepRow> Steps { get; init; }

    /// <summary>Digests.</summary>
    public required ArtifactsRow Artifacts { get; init; }

    /// <summary>What a reader must know.</summary>
    public required IReadOnlyList<string> Notes { get; init; }
}

/// <summary>A device; a latency means nothing without it.</summary>
internal sealed record DeviceRow(string Name, string Runtime, int Threads, string Dtype, string Fingerprint, int BatchSize);

/// <summary>Seconds of work; <c>Total</c> is everything, <c>Wall</c> how long this run of the job took.</summary>
internal sealed record SecondsRow(double Profile, double Synthesize, double Trials, double Finetune, double Evaluate, double Total, double Wall);

/// <summary>A step.</summary>
internal sealed record StepRow(string Name, string Key, bool Cached, double Seconds);

/// <summary>Digests of what went in and came out.</summary>
internal sealed record ArtifactsRow(string Network, string? Images, string? Evaluation, string? Profile, string? Model);
