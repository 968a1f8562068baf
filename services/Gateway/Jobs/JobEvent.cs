namespace Fewshot.Gateway.Jobs;

/// <summary>Something that happened to a job; exactly one of the last three is set.</summary>
/// <param name="Sequence">Counts from 1 without gaps.</param>
/// <param name="Time">When.</param>
/// <param name="Progress">How far the running stage is.</param>
/// <param name="Step">A step started or ended.</param>
/// <param name="Job">The job's state changed.</param>
public sealed record JobEvent(long Sequence, DateTimeOffset Time, ProgressNote? Progress = null, StepNote? Step = null, JobRecord? Job = null);

/// <summary>How far a stage is.</summary>
public sealed record ProgressNote(string Stage, long Completed, long Total, string MetricName, double Metric, double? EtaSeconds = null);

/// <summary>A step started (not done) or ended.</summary>
public sealed record StepNote(string Name, string Key, bool Done, bool Cached, double Seconds);
