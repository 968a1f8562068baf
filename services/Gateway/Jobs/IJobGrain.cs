using Orleans.Runtime;

namespace Fewshot.Gateway.Jobs;

/// <summary>
/// A job, by its id: it exists once in the cluster, and runs its workflow where it is active. When its silo dies, it is activated elsewhere
/// by whoever asks for it, at the latest by the sweep for unfinished jobs, and the workflow runs again from the top: finished steps are
/// instant.
/// </summary>
[Alias("fewshot.job")]
public interface IJobGrain : IGrainWithStringKey
{
    /// <summary>Makes the job durable, unless it is already, and starts it.</summary>
    /// <param name="job">The job to be made.</param>
    /// <param name="limit">How many unfinished jobs its tenant may have.</param>
    /// <returns>The job as it is; null where its tenant has as many as it may have.</returns>
    [Alias("create")]
    Task<JobView?> CreateAsync(JobRecord job, int? limit);

    /// <summary>The job; null where there is none.</summary>
    [Alias("find")]
    Task<JobView?> FindAsync();

    /// <summary>
    /// Runs the job, unless it runs or has ended. If its gateway lately gave it up, because a store could not be reached from there, the
    /// job moves to the gateway that asks.
    /// </summary>
    /// <param name="from">The silo that asks.</param>
    /// <returns>The job; null where there is none.</returns>
    [Alias("ensure")]
    Task<JobView?> EnsureAsync(SiloAddress from);

    /// <summary>Notes durably that the job shall stop, and stops it.</summary>
    [Alias("cancel")]
    Task CancelAsync();

    /// <summary>Events from a sequence number on; when there is none yet, the first ones that come within a time.</summary>
    [Alias("read")]
    Task<EventPage> ReadAsync(long from, TimeSpan wait);

    /// <summary>Removes the job, which has ended.</summary>
    [Alias("forget")]
    Task ForgetAsync();
}

/// <summary>A job and the number of its newest event.</summary>
[GenerateSerializer, Immutable]
public sealed record JobView([property: Id(0)] JobRecord Job, [property: Id(1)] long LastSequence)
{
    /// <summary>The job that a request id named, if it is of the same request.</summary>
    /// <exception cref="RequestIdTakenException">The request id was used with another body.</exception>
    public JobView Checked(string kind, string spec) =>
        Job.Kind == kind && Job.Spec == spec ? this : throw new RequestIdTakenException(Job.RequestId);
}

/// <summary>Some of a job's events. An event that says nothing stands for those up to its number that are lost.</summary>
/// <param name="Events">In order.</param>
/// <param name="Ended">There will be no further one.</param>
[GenerateSerializer, Immutable]
public sealed record EventPage([property: Id(0)] JobEvent[] Events, [property: Id(1)] bool Ended);
