namespace Fewshot.Gateway.Jobs;

/// <summary>What the index says of a job.</summary>
[GenerateSerializer, Immutable]
public sealed record JobEntry(
    [property: Id(0)] string Id, [property: Id(1)] string Tenant, [property: Id(2)] DateTimeOffset CreateTime, [property: Id(3)] bool Ended)
{
    /// <summary>The entry of a job.</summary>
    public static JobEntry Of(JobRecord job) => new(job.Id, job.Tenant, job.CreateTime, job.Ended);
}

/// <summary>
/// All jobs in the order of their creation, in pages as they are stored, with a note of the pages that have changed since. Not safe for
/// several threads.
/// </summary>
public sealed class JobIndex
{
    /// <summary>The key of the grain that has it.</summary>
    public const string Key = "all";

    /// <summary>Entries of a page, at most.</summary>
    public const int PageSize = 256;

    private readonly List<List<JobEntry>> pages = [];
    private readonly Dictionary<string, int> pageOf = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> unfinished = new(StringComparer.Ordinal);
    private readonly SortedSet<int> dirty = [];

    /// <summary>How many pages there are.</summary>
    public int PageCount => pages.Count;

    /// <summary>Numbers of the pages that are to be stored; they count as stored from now on.</summary>
    public int[] TakeDirty()
    {
        int[] taken = [.. dirty];
        dirty.Clear();
        return taken;
    }

    /// <summary>A page is not stored, though it was taken.</summary>
    public void NotStored(int page) => dirty.Add(page);

    /// <summary>The entries of a page.</summary>
    public JobEntry[] Page(int page) => [.. pages[page]];

    /// <summary>Takes in a page that is stored.</summary>
    public void Load(IEnumerable<JobEntry> entries)
    {
        pages.Add([]);
        foreach (var entry in entries.Where(entry => !pageOf.ContainsKey(entry.Id)))
            Put(entry);
    }

    /// <summary>Whether there is such a job.</summary>
    public bool Has(string id) => pageOf.ContainsKey(id);

    /// <summary>How many unfinished jobs a tenant has.</summary>
    public int UnfinishedOf(string tenant) => unfinished.GetValueOrDefault(tenant);

    /// <summary>Adds a job, which is not there yet.</summary>
    /// <returns>The page that it is on.</returns>
    public int Add(JobEntry entry)
    {
        if (pages.Count == 0 || pages[^1].Count >= PageSize)
            pages.Add([]);
        Put(entry);
        dirty.Add(pages.Count - 1);
        return pages.Count - 1;
    }

    /// <summary>Notes that a job has ended.</summary>
    public void End(string id)
    {
        if (!pageOf.TryGetValue(id, out var page))
            return;
        var place = pages[page].FindIndex(entry => entry.Id == id);
        var entry = pages[page][place];
        if (entry.Ended)
            return;
        pages[page][place] = entry with { Ended = true };
        Count(entry.Tenant, -1);
        dirty.Add(page);
    }

    /// <summary>Removes a job.</summary>
    public void Remove(string id)
    {
        if (!pageOf.Remove(id, out var page))
            return;
        var place = pages[page].FindIndex(entry => entry.Id == id);
        if (!pages[page][place].Ended)
            Count(pages[page][place].Tenant, -1);
        pages[page].RemoveAt(place);
        dirty.Add(page);
    }

    /// <summary>Ids of jobs, newest first, that come after the given one; null when there is no such job.</summary>
    public string[]? List(string? after, int count, string? tenant)
    {
        var all = pages.SelectMany(page => page).Where(entry => tenant is null || entry.Tenant == tenant)
            .OrderByDescending(entry => entry.CreateTime).ThenBy(entry => entry.Id, StringComparer.Ordinal)
            .Select(entry => entry.Id).ToList();
        var skip = after is null ? 0 : 1 + all.IndexOf(after);
        return after is not null && skip == 0 ? null : [.. all.Skip(skip).Take(count)];
    }

    /// <summary>Ids of the jobs that have not ended, oldest first.</summary>
    public string[] Unfinished() =>
        [.. pages.SelectMany(page => page).Where(entry => !entry.Ended).OrderBy(entry => entry.CreateTime).Select(entry => entry.Id)];

    private void Put(JobEntry entry)
    {
        pages[^1].Add(entry);
        pageOf.Add(entry.Id, pages.Count - 1);
        if (!entry.Ended)
            Count(entry.Tenant, 1);
    }

    private void Count(string tenant, int change) => unfinished[tenant] = UnfinishedOf(tenant) + change;
}
