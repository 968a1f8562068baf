using Fewshot.Artifacts;
using Orleans.Clustering.Redis;
using Orleans.Runtime;
using StackExchange.Redis;

namespace Fewshot.Gateway.Cluster;

/// <summary>
/// The list of silos in Redis, made again from memory when the server has lost it, or the last changes to it: silos ignore a list that is
/// older than the one they know, and would neither see new silos nor be seen by them. Without a server a silo still stops in time.
/// </summary>
internal sealed partial class RestoringMembershipTable(
    IMembershipTable inner, IHostApplicationLifetime lifetime, ILogger<RestoringMembershipTable> logger) : IMembershipTable
{
    private const int SpareTries = 100;
    private MembershipTableData? known;

    public Task InitializeMembershipTableAsync(bool tryInitTableVersion, CancellationToken cancellationToken = default) =>
        inner.InitializeMembershipTableAsync(tryInitTableVersion, cancellationToken);

    public Task DeleteMembershipTableEntriesAsync(string clusterId, CancellationToken cancellationToken = default) =>
        inner.DeleteMembershipTableEntriesAsync(clusterId, cancellationToken);

    public Task CleanupDefunctSiloEntriesAsync(DateTimeOffset beforeDate, CancellationToken cancellationToken = default) =>
        inner.CleanupDefunctSiloEntriesAsync(beforeDate, cancellationToken);

    public Task<MembershipTableData> ReadRowAsync(SiloAddress key, CancellationToken cancellationToken = default) =>
        OrRestoredAsync(() => inner.ReadRowAsync(key, cancellationToken), whole: false, cancellationToken);

    public Task<MembershipTableData> ReadAllAsync(CancellationToken cancellationToken = default) =>
        OrRestoredAsync(() => inner.ReadAllAsync(cancellationToken), whole: true, cancellationToken);

    public Task<bool> InsertRowAsync(MembershipEntry entry, TableVersion tableVersion, CancellationToken cancellationToken = default) =>
        inner.InsertRowAsync(entry, tableVersion, cancellationToken);

    public async Task<bool> UpdateRowAsync(
        MembershipEntry entry, string etag, TableVersion tableVersion, CancellationToken cancellationToken = default)
    {
        try
        {
            return await inner.UpdateRowAsync(entry, etag, tableVersion, cancellationToken);
        }
        catch (Exception e) when (IsAway(e) && lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // The others find out by themselves.
            return true;
        }
    }

    public Task UpdateIAmAliveAsync(MembershipEntry entry, CancellationToken cancellationToken = default) =>
        inner.UpdateIAmAliveAsync(entry, cancellationToken);

    // The interface still has them; nobody calls them.
    Task IMembershipTable.InitializeMembershipTable(bool tryInitTableVersion) =>
        InitializeMembershipTableAsync(tryInitTableVersion, default);

    Task IMembershipTable.DeleteMembershipTableEntries(string clusterId) => DeleteMembershipTableEntriesAsync(clusterId, default);

    Task IMembershipTable.CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => CleanupDefunctSiloEntriesAsync(beforeDate, default);

    Task<MembershipTableData> IMembershipTable.ReadRow(SiloAddress key) => ReadRowAsync(key, default);

    Task<MembershipTableData> IMembershipTable.ReadAll() => ReadAllAsync(default);

    Task<bool> IMembershipTable.InsertRow(MembershipEntry entry, TableVersion tableVersion) => InsertRowAsync(entry, tableVersion, default);

    Task<bool> IMembershipTable.UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) =>
        UpdateRowAsync(entry, etag, tableVersion, default);

    Task IMembershipTable.UpdateIAmAlive(MembershipEntry entry) => UpdateIAmAliveAsync(entry, default);

    private static bool IsAway(Exception e) => e is RedisException or TimeoutException;

    /// <summary>A silo that was alive and is not in the list any more, where even the dead are kept for an hour.</summary>
    private static MembershipEntry? LostFrom(MembershipTableData found, MembershipTableData last) => last.Members
        .Select(member => member.Item1)
        .FirstOrDefault(member => member.Status != SiloStatus.Dead && found.TryGet(member.SiloAddress) is null);

    private async Task<MembershipTableData> OrRestoredAsync(Func<Task<MembershipTableData>> read, bool whole, CancellationToken ct)
    {
        try
        {
            var found = await read();
            if (known is { } last && (found.Version.Version < last.Version.Version || (whole && LostFrom(found, last) is not null)))
            {
                await RestoreAsync(last, ct);
                found = await read();
            }

            if (whole)
                known = found;
            return found;
        }
        catch (RedisClusteringException) when (known is not null)
        {
            await RestoreAsync(known, ct);
            return await read();
        }
        catch (Exception e) when (IsAway(e) && known is not null && lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return known;
        }
    }

    private async Task RestoreAsync(MembershipTableData last, CancellationToken ct)
    {
        LogRestoring(last.Version.Version);
        await inner.InitializeMembershipTableAsync(true, ct);
        // The table's version goes up by one at a time, and must pass the one that the silos know.
        for (var i = 0; i < last.Version.Version + SpareTries; i++)
        {
            var found = await inner.ReadAllAsync(ct);
            // Others may be at it, too: a write that comes second changes nothing, and everything is looked at again.
            if (LostFrom(found, last) is { } lost)
                await inner.InsertRowAsync(lost, found.Version.Next(), ct);
            else if (found.Version.Version > last.Version.Version)
                return;
            else if (found.Members is [var (entry, etag), ..])
                await inner.UpdateRowAsync(entry, etag, found.Version.Next(), ct);
            else
                return;
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Redis has lost the list of the cluster's gateways, or its last changes; it is made again (version {Version})")]
    private partial void LogRestoring(int version);
}
