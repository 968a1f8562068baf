namespace Fewshot.Gateway.Jobs;

/// <summary>
/// A job's record as its grain keeps it, with the newest events: an event and what it says of the job are written in one go.
/// </summary>
/// <param name="Job">The job.</param>
/// <param name="CancelRequested">Somebody wants it stopped.</param>
/// <param name="Epoch">Of the activation that runs it; a later one has a larger number.</param>
/// <param name="Sealed">How many events are in pages of their own, the oldest first.</param>
/// <param name="Newest">The events after these.</param>
public sealed record StoredJob(JobRecord Job, bool CancelRequested, long Epoch, long Sealed, IReadOnlyList<JobEvent> Newest)
{
    /// <summary>Where jobs are among the records.</summary>
    public const string Kind = "job";

    /// <summary>The number of the newest event.</summary>
    public long LastSequence => Sealed + Newest.Count;

    /// <summary>Whether it is a job's record that was written here.</summary>
    public bool IsOf(string id) => Job.Id == id && Sealed is >= 0 and < long.MaxValue / 2 && Sealed % StoredEvents.Count == 0
        && Newest.Index().All(e => e.Item is not null && e.Item.Sequence == Sealed + e.Index + 1);
}

/// <summary>A page of older events, which does not change any more.</summary>
public sealed record StoredEvents(IReadOnlyList<JobEvent> Events)
{
    /// <summary>Where pages are among the records.</summary>
    public const string Kind = "events";

    /// <summary>Events of a page.</summary>
    public const int Count = 32;

    /// <summary>The name of the page that begins after so many events.</summary>
    public static string NameOf(string job, long before) => $"{job}-{before / Count}";
}

/// <summary>Another activation of a job's grain has taken it over: this one must not run it any longer.</summary>
public sealed class JobTakenOverException(string id) : Exception($"Job {id} was taken over.");
