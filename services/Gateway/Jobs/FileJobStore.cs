using Fewshot.Artifacts;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Jobs;

/// <summary>
/// Jobs as files of one folder: <c>ID.json</c> (the record, replaced as a whole), <c>ID.events</c> (one event a line, appended),
/// <c>ID.cancel</c> (somebody wants it stopped). Any number of gateways of one machine may share the folder; each by itself keeps a tenant's limit
/// of jobs, two at the same moment may exceed it.
/// </summary>
public sealed class FileJobStore(string folder) : IJobStore, IDisposable
{
    private readonly DurableFolder files = new(folder);
    private readonly SemaphoreSlim counting = new(1);

    /// <inheritdoc/>
    public async Task<JobRecord> CreateAsync(string requestId, string kind, string spec, Tenant? tenant = null, CancellationToken ct = default)
    {
        var record = JobStoreExtensions.NewRecord(requestId, kind, spec, tenant);
        if (tenant?.MaxUnfinishedJobs is not { } limit)
            return await CreateAsync(record);
        await counting.WaitAsync(ct);
        try
        {
            return Find(record.Id)
                ?? (All().Count(job => !job.Ended && job.Tenant == tenant.Name) < limit ? await CreateAsync(record) : throw JobStoreExtensions.TooManyJobs(limit));
        }
        finally
        {
            counting.Release();
        }
    }

    /// <inheritdoc/>
    public Task<JobRecord?> FindAsync(string id, CancellationToken ct = default) => Task.FromResult(Find(id));

    /// <inheritdoc/>
    public Task<IReadOnlyList<JobRecord>?> ListAsync(string? after, int count, string? tenant = null, CancellationToken ct = default)
    {
        var all = All();
        if (tenant is not null)
            all.RemoveAll(job => job.Tenant != tenant);
        // The last job given, not its place, so that new jobs do not shift the pages.
        var skip = after is null ? 0 : 1 + all.FindIndex(job => job.Id == after);
        return Task.FromResult<IReadOnlyList<JobRecord>?>(after is not null && skip == 0 ? null : [.. all.Skip(skip).Take(count)]);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> UnfinishedAsync(CancellationToken ct = default) =>
        Task.FromResult<IReadOnlyList<string>>([.. All().Where(job => !job.Ended).Select(job => job.Id).Reverse()]);

    /// <inheritdoc/>
    public Task RequestCancelAsync(string id, CancellationToken ct = default) => files.WriteAsync(id + ".cancel", ReadOnlyMemory<byte>.Empty);

    /// <inheritdoc/>
    public Task<bool> IsCancelRequestedAsync(string id, CancellationToken ct = default) => Task.FromResult(File.Exists(files.PathOf(id + ".cancel")));

    /// <inheritdoc/>
    public async Task<IJobWriter> OpenAsync(string id, IStepLease claim, CancellationToken ct = default)
    {
        await claim.RenewAsync(ct);
        return new Writer(this, claim, new FileJobEventLog(EventsOf(id)));
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<JobEvent?> FollowAsync(string id, long fromSequence, TimeSpan silence, CancellationToken ct = default) =>
        FileJobEventLog.FollowAsync(EventsOf(id), fromSequence, () => Find(id) is not { Ended: false }, silence, ct);

    /// <inheritdoc/>
    public Task ForgetAsync(string id, CancellationToken ct = default)
    {
        // The record first: without it the rest is nobody's.
        foreach (var part in new[] { ".json", ".events", ".cancel" })
            File.Delete(files.PathOf(id + part));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task<long> LastSequenceAsync(string id, CancellationToken ct = default) => Task.FromResult(FileJobEventLog.ReadLastSequence(EventsOf(id)));

    /// <inheritdoc/>
    public void Dispose()
    {
        counting.Dispose();
        files.Dispose();
    }

    private async Task<JobRecord> CreateAsync(JobRecord record) => await files.WriteFirstAsync(record.Id + ".json", JobJson.Write(record)) ? record : Find(record.Id)!;

    private string EventsOf(string id) => files.PathOf(id + ".events");

    private JobRecord? Find(string id)
    {
        if (!JobStoreExtensions.IsId(id) || !File.Exists(files.PathOf(id + ".json")))
            return null;
        try
        {
            return JobJson.Read<JobRecord>(File.ReadAllBytes(files.PathOf(id + ".json"))).Checked(id);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private List<JobRecord> All() =>
        [.. files.Names("job-*.json").Select(name => FindWhole(Path.GetFileNameWithoutExtension(name))).OfType<JobRecord>()
            .OrderByDescending(job => job.CreateTime).ThenBy(job => job.Id, StringComparer.Ordinal)];

    /// <summary>One damaged record must not hide the others.</summary>
    private JobRecord? FindWhole(string id)
    {
        try
        {
            return Find(id);
        }
        catch (DataLossException)
        {
            return null;
        }
    }

    private sealed class Writer(FileJobStore store, IStepLease claim, FileJobEventLog log) : IJobWriter
    {
        public async Task RecordAsync(JobRecord job, CancellationToken ct = default)
        {
            await claim.RenewAsync(ct);
            // What a job that has not ended was last is of no weight: it is run again whatever it says.
            await store.files.WriteAsync(job.Id + ".json", JobJson.Write(job), job.Ended ? Durability.Full : Durability.Either);
            log.Append(job: job);
        }

        public void Append(ProgressNote? progress = null, StepNote? step = null) => log.Append(progress, step);

        public Task FlushAsync(CancellationToken ct = default) => Task.CompletedTask;

        public ValueTask DisposeAsync()
        {
            log.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
