using System.Runtime.CompilerServices;
using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;
using Fewshot.Gateway.Tenants;
using Fewshot.ServiceDefaults;
using Orleans.Runtime;

namespace Fewshot.Gateway.Jobs;

/// <summary>
/// All jobs of the cluster, wherever they run. Any call may throw <see cref="StoreUnavailableException"/>; whatever was done by then, it
/// may be repeated.
/// </summary>
public sealed class JobStore(GrainCalls grains, ILocalSiloDetails silo)
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Makes a job durable and starts it, or returns the one that the same request id of the same tenant made before, whatever its body.
    /// </summary>
    /// <param name="requestId">The caller's name for it.</param>
    /// <param name="kind">What runs.</param>
    /// <param name="spec">Digest of the request's bytes.</param>
    /// <param name="tenant">Whose it is, with its limit of unfinished jobs; <see cref="Tenant.Local"/> where null.</param>
    /// <param name="ct">Gives up; the job may be made or not.</param>
    /// <exception cref="QuotaExceededException">The tenant has as many unfinished jobs as it may have.</exception>
    public async Task<JobView> CreateAsync(
        string requestId, string kind, string spec, Tenant? tenant = null, CancellationToken ct = default)
    {
        tenant ??= Tenant.Local;
        var job = new JobRecord(JobIds.Of(requestId, tenant.Name), requestId, kind, spec, DateTimeOffset.UtcNow) { Tenant = tenant.Name };
        var limit = tenant.MaxUnfinishedJobs;
        return await grains.AskAsync<IJobGrain, JobView?>(job.Id, grain => grain.CreateAsync(job, limit), ct)
            ?? throw new QuotaExceededException(
                $"This tenant has {limit} jobs that have not ended, as many as it may have: wait for one, or cancel one.");
    }

    /// <summary>A job by its id; null when there is none.</summary>
    public async Task<JobView?> FindAsync(string id, CancellationToken ct = default) =>
        // Whoever guesses ids must not make grains of them.
        JobIds.IsId(id) && await IndexAsync(index => index.HasAsync(id), ct)
            ? await grains.AskAsync<IJobGrain, JobView?>(id, grain => grain.FindAsync(), ct)
            : null;

    /// <summary>A job by its id.</summary>
    /// <exception cref="JobNotFoundException">There is none.</exception>
    public async Task<JobView> GetAsync(string id, CancellationToken ct = default) =>
        await FindAsync(id, ct) ?? throw new JobNotFoundException(JobIds.IsId(id) ? id : "(malformed id)");

    /// <summary>Jobs, newest first.</summary>
    /// <param name="after">The last one of the page before; null for the first page.</param>
    /// <param name="count">At most so many.</param>
    /// <param name="tenant">Only this tenant's; null for all.</param>
    /// <param name="ct">Gives up.</param>
    /// <returns>Null where no such job has the id <paramref name="after"/>.</returns>
    public async Task<IReadOnlyList<JobView>?> ListAsync(string? after, int count, string? tenant = null, CancellationToken ct = default)
    {
        if (await IndexAsync(index => index.ListAsync(after, count, tenant), ct) is not { } ids)
            return null;
        return [.. (await Task.WhenAll(ids.Select(id => FindWholeAsync(id, ct)))).OfType<JobView>()];
    }

    /// <summary>Ids of the jobs that have not ended, oldest first.</summary>
    public async Task<IReadOnlyList<string>> UnfinishedAsync(CancellationToken ct = default) =>
        await IndexAsync(index => index.UnfinishedAsync(), ct);

    /// <summary>Runs a job somewhere, unless it runs or has ended.</summary>
    /// <returns>Whether it has ended.</returns>
    public async Task<bool> EnsureAsync(string id, CancellationToken ct = default) =>
        await grains.AskAsync<IJobGrain, JobView?>(id, grain => grain.EnsureAsync(silo.SiloAddress), ct) is not { Job.Ended: false };

    /// <summary>Stops a job, wherever it runs.</summary>
    public Task CancelAsync(string id, CancellationToken ct = default) => grains.TellAsync<IJobGrain>(id, grain => grain.CancelAsync(), ct);

    /// <summary>
    /// Follows a job's events from a sequence number on, as they come; ends when the job has ended and everything has been given. Gives
    /// null after each silence.
    /// </summary>
    public async IAsyncEnumerable<JobEvent?> FollowAsync(
        string id, long fromSequence, TimeSpan silence, [EnumeratorCancellation] CancellationToken ct = default)
    {
        var (next, quiet) = (Math.Max(1, fromSequence), System.Diagnostics.Stopwatch.StartNew());
        while (true)
        {
            var wait = TimeSpan.FromTicks(Math.Clamp((silence - quiet.Elapsed).Ticks, 0, LongestWait.Ticks));
            var page = await grains.AskAsync<IJobGrain, EventPage>(id, grain => grain.ReadAsync(next, wait), ct);
            foreach (var e in page.Events.Where(e => e.Sequence >= next))
            {
                next = e.Sequence + 1;
                if (e is { Progress: null, Step: null, Job: null })
                    continue;
                yield return e;
                quiet.Restart();
            }

            if (page.Ended)
                yield break;
            if (page.Events.Length > 0 || quiet.Elapsed < silence)
                continue;
            yield return null;
            quiet.Restart();
        }
    }

    /// <summary>Removes an ended job and its events. Its request id may be used again.</summary>
    public Task ForgetAsync(string id, CancellationToken ct = default) => grains.TellAsync<IJobGrain>(id, grain => grain.ForgetAsync(), ct);

    /// <summary>The job that a request made before; null when it has not.</summary>
    /// <exception cref="RequestIdTakenException">The request id was used with another body.</exception>
    public async Task<JobView?> FindByRequestAsync(
        string requestId, string kind, string spec, string? tenant = null, CancellationToken ct = default) =>
        await FindAsync(JobIds.Of(requestId, tenant), ct) is { } job ? job.Checked(kind, spec) : null;

    /// <summary>Notes that a job has ended.</summary>
    internal Task EndedAsync(string id) => grains.TellAsync<IJobIndexGrain>(JobIndex.Key, index => index.EndAsync(id));

    /// <summary>Adds the jobs that are in the archive alone.</summary>
    internal Task RescanAsync(CancellationToken ct) => grains.TellAsync<IJobIndexGrain>(JobIndex.Key, index => index.RescanAsync(), ct);

    private Task<T> IndexAsync<T>(Func<IJobIndexGrain, Task<T>> call, CancellationToken ct) => grains.AskAsync(JobIndex.Key, call, ct);

    /// <summary>One damaged record must not hide the others.</summary>
    private async Task<JobView?> FindWholeAsync(string id, CancellationToken ct)
    {
        try
        {
            return await grains.AskAsync<IJobGrain, JobView?>(id, grain => grain.FindAsync(), ct);
        }
        catch (DataLossException)
        {
            return null;
        }
    }
}
