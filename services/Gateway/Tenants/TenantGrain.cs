using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;

namespace Fewshot.Gateway.Tenants;

/// <inheritdoc cref="ITenantGrain"/>
internal sealed partial class TenantGrain(IArtifactGrants grants, GrainRecords records, ActivationWatch watch, ILogger<TenantGrain> logger)
    : Grain, ITenantGrain
{
    /// <summary>How long a reservation lasts without renewal.</summary>
    public static readonly TimeSpan ReservationLife = TimeSpan.FromSeconds(40);

    // What is used or lost within it is forgotten when the silo dies.
    private static readonly TimeSpan SaveInterval = TimeSpan.FromSeconds(5);

    private readonly Dictionary<Guid, (long Bytes, DateTimeOffset Until)> reserved = [];
    private Dictionary<string, WorkerLosses> losses = new(StringComparer.Ordinal);
    private UsedTime time = new();
    private GrainState<StoredTenant> stored = new();
    private bool changed;

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

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => SaveAsync();

    public async Task<long?> ReserveAsync(Guid upload, long sizeBytes, long limit)
    {
        var now = DateTimeOffset.UtcNow;
        foreach (var (id, (_, until)) in reserved)
        {
            if (until < now)
                reserved.Remove(id);
        }

        var taken = await grants.UploadedBytesAsync(Name) + reserved.Where(other => other.Key != upload).Sum(other => other.Value.Bytes);
        // A renewal is granted what it was granted before.
        if (!reserved.ContainsKey(upload) && taken + sizeBytes > limit)
            return taken;
        reserved[upload] = (sizeBytes, now + ReservationLife);
        return null;
    }

    public async Task<long?> StoredAsync(Guid upload, string digest, long sizeBytes, long? limit)
    {
        var within = await grants.AddUploadAsync(Name, Digest.Parse(digest), sizeBytes, limit);
        reserved.Remove(upload);
        return within ? null : await grants.UploadedBytesAsync(Name);
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
