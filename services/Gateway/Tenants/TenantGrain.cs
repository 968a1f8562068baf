using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;
using Orleans.Concurrency;

namespace Fewshot.Gateway.Tenants;

/// <inheritdoc cref="ITenantGrain"/>
[Reentrant]
internal sealed partial class TenantGrain : Grain, ITenantGrain
{
    /// <summary>How long a reservation lasts without renewal.</summary>
    public static readonly TimeSpan ReservationLife = TimeSpan.FromSeconds(40);

    // What is used or lost within it is forgotten when the silo dies.
    private static readonly TimeSpan SaveInterval = TimeSpan.FromSeconds(5);

    private readonly GrainRecords records;
    private readonly ActivationWatch watch;
    private readonly ILogger<TenantGrain> logger;
    private readonly RecordPages<StoredGrant> grants;
    private readonly Dictionary<Guid, (long Bytes, DateTimeOffset Until)> reserved = [];
    private Dictionary<string, WorkerLosses> losses = new(StringComparer.Ordinal);
    private UsedTime time = new();
    private GrainState<StoredTenant> stored = new();
    private bool changed, listed;
    private long uploaded;

    public TenantGrain(GrainRecords records, ActivationWatch watch, ILogger<TenantGrain> logger)
    {
        (this.records, this.watch, this.logger) = (records, watch, logger);
        grants = new RecordPages<StoredGrant>(
            records, StoredGrant.Kind, Name, grant => grant.Digest,
            (before, after) => uploaded += (after?.Bytes ?? 0) - (before?.Bytes ?? 0));
    }

    private string Name => this.GetPrimaryKeyString();

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        watch.Begin(this);
        stored = await records.ReadWholeAsync<StoredTenant>(StoredTenant.Kind, Name);
        if (stored is { RecordExists: true, State: { } known })
            (losses, time) = (new Dictionary<string, WorkerLosses>(known.Losses, StringComparer.Ordinal), new UsedTime(known.Used));
        var often = new GrainTimerCreationOptions { DueTime = SaveInterval, Period = SaveInterval };
        this.RegisterGrainTimer(_ => SaveAsync(), often);
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await SaveAsync();
        await grants.Writing.WaitAsync(cancellationToken).ContinueWith(_ => { }, TaskScheduler.Current);
    }

    public async Task<bool> SeesAsync(string digest)
    {
        await grants.OpenAsync();
        return grants.Find(digest) is not null;
    }

    public async Task ShowAsync(string[] digests)
    {
        await OpenToWriteAsync();
        // An upload's bytes stay counted.
        foreach (var digest in digests.Where(digest => grants.Find(digest) is null))
            grants.Put(new StoredGrant(digest, Bytes: 0));
        await grants.WriteAsync();
    }

    public async Task HideAsync(string[] digests)
    {
        await grants.OpenAsync();
        foreach (var digest in digests)
            grants.Remove(digest);
        await grants.WriteAsync();
    }

    public async Task<long> UploadedBytesAsync()
    {
        await grants.OpenAsync();
        return uploaded;
    }

    public async Task<long?> ReserveAsync(Guid upload, long sizeBytes, long limit)
    {
        await grants.OpenAsync();
        var now = DateTimeOffset.UtcNow;
        foreach (var (id, (_, until)) in reserved)
        {
            if (until < now)
                reserved.Remove(id);
        }

        var taken = uploaded + reserved.Where(other => other.Key != upload).Sum(other => other.Value.Bytes);
        // A renewal is granted what it was granted before.
        if (!reserved.ContainsKey(upload) && taken + sizeBytes > limit)
            return taken;
        reserved[upload] = (sizeBytes, now + ReservationLife);
        return null;
    }

    public async Task<long?> StoredAsync(Guid upload, string digest, long sizeBytes, long? limit)
    {
        await OpenToWriteAsync();
        reserved.Remove(upload);
        if (grants.Find(digest) is not { Bytes: > 0 })
        {
            if (uploaded + sizeBytes > limit)
                return uploaded;
            grants.Put(new StoredGrant(digest, sizeBytes));
        }

        // Also where an attempt before could not store it.
        await grants.WriteAsync();
        return null;
    }

    public Task DropAsync(Guid upload)
    {
        reserved.Remove(upload);
        return Task.CompletedTask;
    }

    public Task<TenantStanding> StandingAsync(string inputs)
    {
        var now = DateTimeOffset.UtcNow;
        var lost = losses.TryGetValue(inputs, out var known) && known.Until > now ? known : null;
        return Task.FromResult(new TenantStanding(lost, time.UsedAt(now)));
    }

    public Task SpendAsync(double seconds)
    {
        time.Add(seconds, DateTimeOffset.UtcNow);
        changed = true;
        return Task.CompletedTask;
    }

    public Task NoteLossesAsync(string inputs, WorkerLosses known)
    {
        var now = DateTimeOffset.UtcNow;
        foreach (var over in losses.Where(one => one.Value.Until <= now).ToArray())
            losses.Remove(over.Key);
        if (known.Count == 0)
            losses.Remove(inputs);
        else
            losses[inputs] = known;
        changed = true;
        return Task.CompletedTask;
    }

    private async Task OpenToWriteAsync()
    {
        await grants.OpenAsync();
        if (!listed)
            await GrainFactory.GetGrain<ITenantListGrain>(TenantListGrain.Key).AddAsync(Name);
        listed = true;
    }

    private async Task SaveAsync()
    {
        if (!changed)
            return;
        changed = false;
        try
        {
            stored.State = new StoredTenant(losses, time.Slices);
            await records.OverwriteAsync(StoredTenant.Kind, Name, stored);
        }
        catch (Exception e) when (e is StoreUnavailableException or StoreFullException)
        {
            changed = true;
            LogNotSaved(Name, e.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "What tenant {Tenant} has used and lost could not be kept; trying again: {Reason}")]
    private partial void LogNotSaved(string tenant, string reason);
}
