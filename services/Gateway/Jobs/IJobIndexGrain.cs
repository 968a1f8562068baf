namespace Fewshot.Gateway.Jobs;

/// <summary>All jobs of the cluster, kept in pages. What is lost with a server's memory comes back from the jobs' archive.</summary>
[Alias("fewshot.jobs")]
public interface IJobIndexGrain : IGrainWithStringKey
{
    /// <summary>Adds a job, which the archive has; one that is there already stays.</summary>
    /// <returns>False, and nothing is done, where its tenant has as many unfinished ones as it may have.</returns>
    [Alias("add")]
    Task<bool> AddAsync(JobEntry entry, int? limit);

    /// <summary>Whether there is such a job.</summary>
    [Alias("has")]
    Task<bool> HasAsync(string id);

    /// <summary>Notes that a job has ended.</summary>
    [Alias("end")]
    Task EndAsync(string id);

    /// <summary>Ids of jobs, newest first, that come after the given one; null when there is no such job.</summary>
    [Alias("list")]
    Task<string[]?> ListAsync(string? after, int count, string? tenant);

    /// <summary>Ids of the jobs that have not ended, oldest first.</summary>
    [Alias("unfinished")]
    Task<string[]> UnfinishedAsync();

    /// <summary>Removes a job.</summary>
    [Alias("forget")]
    Task ForgetAsync(string id);

    /// <summary>Adds what is in the archive and not here: jobs that a gateway of another version has taken, for one.</summary>
    [Alias("rescan")]
    Task RescanAsync();
}
