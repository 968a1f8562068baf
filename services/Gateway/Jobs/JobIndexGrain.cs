using Fewshot.Gateway.Cluster;
using Orleans.Concurrency;

namespace Fewshot.Gateway.Jobs;

/// <inheritdoc cref="IJobIndexGrain"/>
[Reentrant]
internal sealed class JobIndexGrain : Grain, IJobIndexGrain
{
    private readonly JobIndex index = new();
    private readonly JobArchive archive;
    private readonly ActivationWatch watch;
    private readonly RecordPages<JobEntry> pages;

    public JobIndexGrain(GrainRecords records, JobArchive archive, ActivationWatch watch)
    {
        (this.archive, this.watch) = (archive, watch);
        pages = new RecordPages<JobEntry>(records, "jobs", JobIndex.Key, entry => entry.Id, index.Change);
    }

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        watch.Begin(this);
        return Task.CompletedTask;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) =>
        pages.Writing.WaitAsync(cancellationToken).ContinueWith(_ => { }, TaskScheduler.Current);

    public async Task<bool> AddAsync(JobEntry entry, int? limit)
    {
        await OpenAsync();
        if (!index.Has(entry.Id))
        {
            if (limit is { } most && index.UnfinishedOf(entry.Tenant) >= most)
                return false;
            pages.Put(entry);
        }

        // The archive has the job: without its page, the next activation finds it there.
        _ = pages.WriteAsync();
        return true;
    }

    public async Task<bool> HasAsync(string id)
    {
        await OpenAsync();
        return index.Has(id);
    }

    public async Task EndAsync(string id)
    {
        await OpenAsync();
        if (pages.Find(id) is { Ended: false } entry)
            pages.Put(entry with { Ended = true });
        _ = pages.WriteAsync();
    }

    public async Task<string[]?> ListAsync(string? after, int count, string? tenant)
    {
        await OpenAsync();
        return index.List(after, count, tenant);
    }

    public async Task<string[]> UnfinishedAsync()
    {
        await OpenAsync();
        return index.Unfinished();
    }

    public async Task ForgetAsync(string id)
    {
        await OpenAsync();
        pages.Remove(id);
        await pages.WriteAsync();
    }

    public async Task RescanAsync()
    {
        await OpenAsync();
        await RestoreAsync();
        await pages.WriteAsync();
    }

    /// <summary>
    /// A server that was emptied knows no page, and one that lost its newest moments not the newest jobs: the archive knows them.
    /// </summary>
    private Task OpenAsync() => pages.OpenAsync(RestoreAsync);

    private async Task RestoreAsync()
    {
        await foreach (var job in archive.AllAsync(index.Has))
        {
            if (!index.Has(job.Id))
                pages.Put(JobEntry.Of(job));
        }
    }
}
