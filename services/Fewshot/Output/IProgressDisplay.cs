namespace Fewshot.Cli.Output;

/// <summary>Shows a job's events while it runs.</summary>
internal interface IProgressDisplay : IAsyncDisposable
{
    void Note(string text);

    void Show(JobEvent happened);
}

/// <summary>Something that happened to a job; sequence numbers rise by one.</summary>
internal abstract record JobEvent(long Sequence);

/// <param name="Total">0 while unknown.</param>
/// <param name="Eta">Null while unknown.</param>
internal sealed record ProgressEvent(long Sequence, string Stage, long Completed, long Total, string MetricName, double Metric, TimeSpan? Eta)
    : JobEvent(Sequence);

/// <summary>A durable step began (<paramref name="Done"/> false) or ended.</summary>
internal sealed record StepNews(long Sequence, string Name, string Key, bool Done, bool Cached, double Seconds) : JobEvent(Sequence);

internal sealed record StateNews(long Sequence, JobSummary Job) : JobEvent(Sequence);

internal enum JobPhase
{
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
}

/// <summary>The network made for one of several targets.</summary>
internal sealed record TargetModel(double MacsRatio, string Digest);

/// <summary>What a gateway says about a job. Digests are empty where the job has no such result.</summary>
internal sealed record JobSummary(
    string Id,
    string RequestId,
    string Kind,
    JobPhase Phase,
    DateTimeOffset? Created,
    DateTimeOffset? Ended,
    string Message,
    int StatusCode,
    long LastSequence,
    string ModelDigest,
    string ReportDigest,
    string ProfileDigest,
    string ImageSetDigest,
    string PreviewDigest,
    IReadOnlyList<TargetModel> Models)
{
    public bool HasEnded => Phase is JobPhase.Succeeded or JobPhase.Failed or JobPhase.Cancelled;
}
