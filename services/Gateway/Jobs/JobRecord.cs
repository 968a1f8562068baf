using Fewshot.Artifacts;

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
public sealed record JobRecord(string Id, string RequestId, string Kind, string Spec, DateTimeOffset CreateTime)
{
    /// <summary>Whose it is.</summary>
    public string Tenant { get; init; } = ServiceDefaults.Tenant.Local.Name;

    /// <summary>Where it stands.</summary>
    public JobState State { get; init; }

    /// <summary>How many groups of its trials could run at a time when it first ran: the same groups are the same steps when it runs again.</summary>
    public int? TrialSlots { get; init; }

    /// <summary>When it ended.</summary>
    public DateTimeOffset? EndTime { get; init; }

    /// <summary>Why it failed.</summary>
    public string StatusMessage { get; init; } = "";

    /// <summary>The gRPC code of the failure.</summary>
    public int StatusCode { get; init; }

    /// <summary>What it made.</summary>
    public JobResult? Result { get; init; }

    /// <summary>This record, if it can be that of the job.</summary>
    /// <exception cref="DataLossException">It is damaged.</exception>
    public JobRecord Checked(string id) =>
        Id == id ? this : throw new DataLossException($"The record of job {id} is damaged.");

    /// <summary>Whether it will not change any more.</summary>
    public bool Ended => State is JobState.Succeeded or JobState.Failed or JobState.Cancelled;
}

/// <summary>Digests of what a job made; null where it made no such thing.</summary>
public sealed record JobResult(
    string? Model = null, string? Report = null, string? Profile = null, string? ImageSet = null, string? Preview = null, IReadOnlyList<TargetModel>? Models = null);

/// <summary>The network that was made for one of several targets.</summary>
public sealed record TargetModel(double MacsRatio, string Model);
