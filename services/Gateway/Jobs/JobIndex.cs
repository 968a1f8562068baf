namespace Fewshot.Gateway.Jobs;

/// <summary>What the index says of a job.</summary>
[GenerateSerializer, Immutable]
public sealed record JobEntry(
    [property: Id(0)] string Id, [property: Id(1)] string Tenant, [property: Id(2)] DateTimeOffset CreateTime, [property: Id(3)] bool Ended)
{
    /// <summary>The entry of a job.</summary>
    public static JobEntry Of(JobRecord job) => new(job.Id, job.Tenant, job.CreateTime, job.Ended);
}

/// <summary>All jobs as the index's grain has them in memory. Not safe for several threads.</summary>
public sealed class JobIndex
{
    /// <summary>The key of the grain that has it.</summary>
    public const string Key = "all";

    private readonly Dictionary<string, JobEntry> entries = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> unfinished = new(StringComparer.Ordinal);

    /// <summary>Whether there is such a job.</summary>
    public bool Has(string id) => entries.ContainsKey(id);

    /// <summary>How many unfinished jobs a tenant has.</summary>
    public int UnfinishedOf(string tenant) => unfinished.GetValueOrDefault(tenant);

    /// <summary>A job has come (before is null), changed, or gone (after is null).</summary>
    public void Change(JobEntry? before, JobEntry? after)
    {
        if (before is not null)
        {
            entries.Remove(before.Id);
            Count(before, -1);
        }

        if (after is not null)
        {
            entries.Add(after.Id, after);
            Count(after, 1);
        }
    }

    /// <summary>Ids of jobs, newest first, that come after the given one; null when there is no such job.</summary>
    public string[]? List(string? after, int count, string? tenant)
    {
        var all = entries.Values.Where(entry => tenant is null || entry.Tenant == tenant)
            .OrderByDescending(entry => entry.CreateTime).ThenBy(entry => entry.Id, StringComparer.Ordinal)
            .Select(entry => entry.Id).ToList();
        var skip = after is null ? 0 : 1 + all.IndexOf(after);
        return after is not null && skip == 0 ? null : [.. all.Skip(skip).Take(count)];
    }

    /// <summary>Ids of the jobs that have not ended, oldest first.</summary>
    public string[] Unfinished() =>
        [.. entries.Values.Where(entry => !entry.Ended).OrderBy(entry => entry.CreateTime).Select(entry => entry.Id)];

    private void Count(JobEntry entry, int change)
    {
        if (!entry.Ended)
            unfinished[entry.Tenant] = UnfinishedOf(entry.Tenant) + change;
    }
}
