using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;
using Orleans.Concurrency;
using Orleans.Storage;

namespace Fewshot.Gateway.Jobs;

/// <inheritdoc cref="IJobIndexGrain"/>
[Reentrant]
internal sealed class JobIndexGrain(GrainRecords records, JobArchive archive, ActivationWatch watch) : Grain, IJobIndexGrain
{
    private const string Pages = "jobs";
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);
    private readonly JobIndex index = new();
    private readonly List<GrainState<StoredEntries>> stored = [];
    private TaskCompletionSource? next;
    private Task writing = Task.CompletedTask;
    private Task? opening;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        watch.Begin(this);
        return Task.CompletedTask;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) =>
        writing.WaitAsync(cancellationToken).ContinueWith(_ => { }, TaskScheduler.Current);

    public async Task<bool> AddAsync(JobEntry entry, int? limit)
    {
        await OpenAsync();
        if (index.Has(entry.Id))
            return true;
        if (limit is { } most && index.UnfinishedOf(entry.Tenant) >= most)
            return false;
        index.Add(entry);
        await WriteAsync();
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
        index.End(id);
        _ = WriteAsync();
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
        index.Remove(id);
        await WriteAsync();
    }

    public async Task RescanAsync()
    {
        await OpenAsync();
        await RestoreAsync();
        await WriteAsync();
    }

    private async Task OpenAsync()
    {
        while (opening is not { IsCompletedSuccessfully: true })
        {
            if (opening is null or { IsCompleted: true })
                opening = ReadAsync();
            await opening;
        }
    }

    private async Task ReadAsync()
    {
        while (stored.Count == index.PageCount)
        {
            var page = await records.ReadWholeAsync<StoredEntries>(Pages, NameOf(stored.Count));
            if (!page.RecordExists)
                break;
            stored.Add(page);
            index.Load(page.State!.Entries);
        }

        // A server that was emptied knows no page, one that lost its newest moments not the newest jobs; and what is behind a damaged page
        // was not read.
        await RestoreAsync();
        _ = WriteAsync();
    }

    private async Task RestoreAsync()
    {
        await foreach (var job in archive.AllAsync(index.Has))
        {
            if (!index.Has(job.Id))
                index.Add(JobEntry.Of(job));
        }
    }

    /// <summary>
    /// Waits until what has changed by now is stored. Whoever comes while pages are being written waits for the next time, together.
    /// </summary>
    private Task WriteAsync()
    {
        next ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var mine = next.Task;
        if (writing.IsCompleted)
            writing = WriteDirtyAsync();
        return mine;
    }

    private async Task WriteDirtyAsync()
    {
        while (next is { } waiting)
        {
            next = null;
            var pages = index.TakeDirty();
            try
            {
                await Task.WhenAll(pages.Select(StoreAsync));
                waiting.SetResult();
            }
            catch (Exception e) when (e is StoreUnavailableException or StoreFullException)
            {
                // Who waits hears of it; the pages are written with the next change, or now again.
                foreach (var page in pages)
                    index.NotStored(page);
                waiting.SetException(e);
                _ = waiting.Task.Exception;
                await Task.Delay(Pause);
            }
        }
    }

    private async Task StoreAsync(int page)
    {
        while (stored.Count <= page)
            stored.Add(new GrainState<StoredEntries>());
        while (true)
        {
            try
            {
                stored[page].State = new StoredEntries(index.Page(page));
                await records.WriteAsync(Pages, NameOf(page), stored[page]);
                return;
            }
            catch (InconsistentStateException)
            {
                // Written unheard, lost, or another activation's, whose jobs are not lost by it.
                stored[page] = await records.ReadWholeAsync<StoredEntries>(Pages, NameOf(page));
                if (!stored[page].RecordExists)
                    continue;
                foreach (var entry in stored[page].State!.Entries.Where(entry => !index.Has(entry.Id)).ToArray())
                    index.Add(entry);
            }
        }
    }

    private static string NameOf(int page) => $"{JobIndex.Key}-{page}";

    /// <summary>A page of the index.</summary>
    public sealed record StoredEntries(IReadOnlyList<JobEntry> Entries);
}
