namespace Fewshot.Gateway.Jobs;

/// <summary>Where a job stands.</summary>
public enum JobState
{
    /// <summary>Durable, not claimed yet.</summary>
    Queued,

    /// <summary>Claimed by a gateway, or left behind by one that ended.</summary>
    Running,

    /// <summary>Ended with a result.</summary>
    Succeeded,

    /// <summary>Ended with an error.</summary>
    Failed,

    /// <summary>Ended at the wish of a user.</summary>
    Cancelled,
}

/// <summary>A job as it is stored.</summary>
/// <param name="Id">Derived from tenant and request id, so that one request id of a tenant has one job.</param>
/// <param name="RequestId">The caller's idempotency key.</param>
/// <param name="Kind">What runs: <c>practise</c>, <c>dcvit</c>, <c>pareto</c>, or a stage.</param>
/// <param name="Spec">Digest of the request's bytes, an artifact.</param>
/// <param name="CreateTime">When it became durable.</param>
[GenerateSerializer, Immutable]
public sealed record JobRecord(
    [property: Id(0)] string Id, [property: Id(1)] string RequestId, [property: Id(2)] string Kind, [property: Id(3)] string Spec,
    [property: Id(4)] DateTimeOffset CreateTime)
{
    /// <summary>Whose it is.</summary>
    [Id(5)]
    public string Tenant { get; init; } = ServiceDefaults.Tenant.Local.Name;

    /// <summary>Where it stands.</summary>
    [Id(6)]
    public JobState State { get; init; }

    /// <summary>How many groups of its trials could run at a time when it first ran: the same groups are the same steps when it runs again.</summary>
    [Id(7)]
    public int? TrialSlots { get; init; }

    /// <summary>When it ended.</summary>
    [Id(8)]
    public DateTimeOffset? EndTime { get; init; }

    /// <summary>Why it failed.</summary>
    [Id(9)]
    public string StatusMessage { get; init; } = "";

    /// <summary>The gRPC code of the failure.</summary>
    [Id(10)]
    public int StatusCode { get; init; }

    /// <summary>What it made.</summary>
    [Id(11)]
    public JobResult? Result { get; init; }

    /// <summary>Whether it will not change any more.</summary>
    public bool Ended => State is JobState.Succeeded or JobState.Failed or JobState.Cancelled;
}

/// <summary>Digests of what a job made; null where it made no such thing.</summary>
[GenerateSerializer, Immutable]
public sealed record JobResult(
    [property: Id(0)] string? Model = null,
    [property: Id(1)] string? Report = null,
    [property: Id(2)] string? Profile = null,
    [property: Id(3)] string? ImageSet = null,
    [property: Id(4)] string? Preview = null,
    [property: Id(5)] TargetModel[]? Models = null);

/// <summary>The network that was made for one of several targets.</summary>
[GenerateSerializer, Immutable]
public sealed record TargetModel([property: Id(0)] double MacsRatio, [property: Id(1)] string Model);
