namespace Fewshot.Gateway.Jobs;

/// <summary>Something that happened to a job; exactly one of the last three is set.</summary>
/// <param name="Sequence">Counts from 1 without gaps.</param>
/// <param name="Time">When.</param>
/// <param name="Progress">How far the running stage is.</param>
/// <param name="Step">A step started or ended.</param>
/// <param name="Job">The job's state changed.</param>
[GenerateSerializer, Immutable]
public sealed record JobEvent(
    [property: Id(0)] long Sequence,
    [property: Id(1)] DateTimeOffset Time,
    [property: Id(2)] ProgressNote? Progress = null,
    [property: Id(3)] StepNote? Step = null,
    [property: Id(4)] JobRecord? Job = null);

/// <summary>How far a stage is.</summary>
[GenerateSerializer, Immutable]
public sealed record ProgressNote(
    [property: Id(0)] string Stage,
    [property: Id(1)] long Completed,
    [property: Id(2)] long Total,
    [property: Id(3)] string MetricName,
    [property: Id(4)] double Metric,
    [property: Id(5)] double? EtaSeconds = null);

/// <summary>A step started (not done) or ended.</summary>
[GenerateSerializer, Immutable]
public sealed record StepNote(
    [property: Id(0)] string Name,
    [property: Id(1)] string Key,
    [property: Id(2)] bool Done,
    [property: Id(3)] bool Cached,
    [property: Id(4)] double Seconds)
{
    /// <summary>The worker that was asked for it; callers are not told.</summary>
    [Id(5)]
    public string? Worker { get; init; }
}
