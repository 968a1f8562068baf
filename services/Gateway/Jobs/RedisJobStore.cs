using System.Runtime.CompilerServices;
using System.Text;
using Fewshot.Artifacts;
using Fewshot.Artifacts.Redis;
using Fewshot.ServiceDefaults;
using StackExchange.Redis;

namespace Fewshot.Gateway.Jobs;

/// <summary>
/// Jobs in Redis: a hash each (<c>record</c>, <c>cancel</c>), a list of events each, and the ids of all and of the unfinished ones by time of
/// creation, everybody's and each tenant's. Every record is also kept beside the artifacts, so that a server that lost its memory gets its jobs back.
/// </summary>
/// <param name="server">The same server and database as the step ledger's, whose leases are the claims.</param>
/// <param name="archive">Keeps the records beside the artifacts.</param>
public sealed class RedisJobStore(RedisServer server, JobArchive archive) : IJobStore, IDisposable
{
    private const int BatchOfEvents = 256;
    private static readonly RedisKey Jobs = RedisServer.Prefix + "jobs", Unfinished = RedisServer.Prefix + "jobs:unfinished", Complete = RedisServer.Prefix + "jobs:complete:2";
    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(1);
    private readonly RedisJobSignals signals = new(server);

    /// <inheritdoc/>
    public async Task<JobRecord> CreateAsync(string requestId, string kind, string spec, Tenant? tenant = null, CancellationToken ct = default)
    {
        var record = JobStoreExtensions.NewRecord(requestId, kind, spec, tenant);
        if (await FindAsync(record.Id, ct) is { } existing)
            return existing;
        var limit = tenant?.MaxUnfinishedJobs;
        if (limit is { } most && await server.RunAsync(database => database.SortedSetLengthAsync(UnfinishedOf(record.Tenant)), ct: ct) >= most)
            throw JobStoreExtensions.TooManyJobs(most);
        // The archive first: what is acknowledged outlives the server's memory.
        await archive.SaveAsync(record, ct);
        if (await CreateAsync(record, limit, ct) is not { } stored)
        {
            // Others were quicker.
            await archive.ForgetAsync(record.Id, ct);
            throw JobStoreExtensions.TooManyJobs(limit!.Value);
        }

        if (stored.CreateTime != record.CreateTime)
            await archive.SaveAsync(stored, ct);
        return stored;
    }

    /// <inheritdoc/>
    public async Task<JobRecord?> FindAsync(string id, CancellationToken ct = default)
    {
        if (!JobStoreExtensions.IsId(id))
            return null;
        byte[]? record = await server.RunAsync(database => database.HashGetAsync(KeyOf(id), "record"), ct: ct);
        return record is null ? null : JobJson.Read<JobRecord>(record).Checked(id);
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<JobRecord>?> ListAsync(string? after, int count, string? tenant = null, CancellationToken ct = default)
    {
        var (first, list) = (0L, tenant is null ? Jobs : JobsOf(tenant));
        if (after is not null)
        {
            if (await server.RunAsync(database => database.SortedSetRankAsync(list, after, Order.Descending), ct: ct) is not { } rank)
                return null;
            first = rank + 1;
        }

        var ids = await server.RunAsync(database => database.SortedSetRangeByRankAsync(list, first, first + count - 1, Order.Descending), ct: ct);
        return [.. (await Task.WhenAll(ids.Select(id => FindWholeAsync(id.ToString(), ct)))).OfType<JobRecord>()];
    }

    /// <inheritdoc/>
    public async Task<IReadOnlyList<string>> UnfinishedAsync(CancellationToken ct = default)
    {
        await RestoreAsync(ct);
        return [.. (await server.RunAsync(database => database.SortedSetRangeByRankAsync(Unfinished), ct: ct)).Select(id => id.ToString())];
    }

    /// <inheritdoc/>
    public Task RequestCancelAsync(string id, CancellationToken ct = default) =>
        server.EvaluateAsync(RedisJobScripts.Cancel, [KeyOf(id)], [id, RedisServer.Prefix + RedisJobScripts.Channel], ct: ct);

    /// <inheritdoc/>
    public Task<bool> IsCancelRequestedAsync(string id, CancellationToken ct = default) =>
        server.RunAsync(database => database.HashExistsAsync(KeyOf(id), "cancel"), ct: ct);

    /// <inheritdoc/>
    public async Task<IJobWriter> OpenAsync(string id, IStepLease claim, CancellationToken ct = default)
    {
        if (claim is not RedisStepLease lease)
            throw new ArgumentException("The claim is not a lease of the ledger in Redis.", nameof(claim));
        await claim.RenewAsync(ct);
        return new RedisJobWriter(server, archive, id, lease, await LastSequenceAsync(id, ct));
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<JobEvent?> FollowAsync(string id, long fromSequence, TimeSpan silence, [EnumeratorCancellation] CancellationToken ct = default)
    {
        var quiet = System.Diagnostics.Stopwatch.StartNew();
        var (next, ended) = (Math.Max(1, fromSequence), false);
        while (true)
        {
            // Asked for before reading, so that nothing is missed.
            var signal = await signals.NextAsync(id, ct);
            var events = await ReadAsync(id, next, ct);
            foreach (var e in events.Where(e => e.Sequence >= next))
            {
                yield return e;
                next = e.Sequence + 1;
                quiet.Restart();
            }

            // There may be more, or nothing any more: a change of state is often the last event.
            if (events.Count == BatchOfEvents || events is [.., { Job: not null }])
                continue;
            if (events.Count == 0)
            {
                if (ended)
                    yield break;
                // A server that lost its memory gets the record back; until then nothing is known.
                if (await FindAsync(id, ct) is { Ended: true })
                {
                    // Once more, for what was written before the end.
                    ended = true;
                    continue;
                }
            }

            if (quiet.Elapsed > silence)
            {
                yield return null;
                quiet.Restart();
            }

            // A signal may be lost with the connection.
            await Task.WhenAny(signal, Task.Delay(silence < Poll ? silence : Poll, ct));
            ct.ThrowIfCancellationRequested();
        }
    }

    /// <inheritdoc/>
    public async Task ForgetAsync(string id, CancellationToken ct = default)
    {
        var tenant = (await FindAsync(id, ct))?.Tenant ?? Tenant.Local.Name;
        // The archive first, or it would bring the job back.
        await archive.ForgetAsync(id, ct);
        await server.EvaluateAsync(RedisJobScripts.Forget, KeysOf(id, tenant), [id], ct: ct);
    }

    /// <inheritdoc/>
    public async Task<long> LastSequenceAsync(string id, CancellationToken ct = default) =>
        (long)await server.EvaluateAsync(RedisJobScripts.Last, [KeyOf(id), EventsOf(id)], [], ct: ct);

    /// <inheritdoc/>
    public void Dispose() => signals.Dispose();

    /// <summary>What a writer writes to: the job, its events, all jobs and the unfinished ones, everybody's and its tenant's.</summary>
    internal static RedisKey[] KeysOf(string id, string tenant) => [KeyOf(id), EventsOf(id), Jobs, Unfinished, JobsOf(tenant), UnfinishedOf(tenant)];

    private static RedisKey JobsOf(string tenant) => RedisServer.Prefix + "jobs:of:" + tenant;

    private static RedisKey UnfinishedOf(string tenant) => RedisServer.Prefix + "jobs:unfinished:of:" + tenant;

    private static RedisKey KeyOf(string id) => RedisServer.Prefix + "job:" + id;

    private static RedisKey EventsOf(string id) => RedisServer.Prefix + "job:" + id + ":events";

    private async Task<JobRecord?> CreateAsync(JobRecord record, int? limit, CancellationToken ct) => (byte[]?)await server.EvaluateAsync(
        RedisJobScripts.Create, [KeyOf(record.Id), Jobs, Unfinished, JobsOf(record.Tenant), UnfinishedOf(record.Tenant)],
        [record.Id, JobJson.Write(record), record.CreateTime.ToUnixTimeMilliseconds(), record.Ended ? 1 : 0, limit is { } most ? most : RedisValue.EmptyString], ct: ct)
        is { } stored ? JobJson.Read<JobRecord>(stored) : null;

    private async Task<List<JobEvent>> ReadAsync(string id, long from, CancellationToken ct)
    {
        RedisValue[] events;
        do
        {
            events = (RedisValue[]?)await server.EvaluateAsync(RedisJobScripts.Read, [KeyOf(id), EventsOf(id)], [from, BatchOfEvents], ct: ct) ?? [];
            from += BatchOfEvents;
        }
        // Blanks stand for events that the server lost.
        while (events.Length == BatchOfEvents && events.All(e => e.IsNullOrEmpty));
        from -= BatchOfEvents;
        return [.. events.Select(e => JobJson.TryRead<JobEvent>((byte[])e!)).OfType<JobEvent>().Where(e => e.Sequence >= from)];
    }

    /// <summary>One damaged record must not hide the others.</summary>
    private async Task<JobRecord?> FindWholeAsync(string id, CancellationToken ct)
    {
        try
        {
            return await FindAsync(id, ct);
        }
        catch (DataLossException)
        {
            return null;
        }
    }

    /// <summary>Makes the jobs again that the server does not know, when it says of itself that it is new, was emptied, or knows no tenants yet.</summary>
    private async Task RestoreAsync(CancellationToken ct)
    {
        if (await server.RunAsync(database => database.KeyExistsAsync(Complete), ct: ct))
            return;
        await foreach (var job in archive.AllAsync(ct))
            await CreateAsync(job, limit: null, ct);
        await server.RunAsync(database => database.StringSetAsync(Complete, Encoding.ASCII.GetBytes("yes")), ct: ct);
    }
}
