using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;

namespace Fewshot.Gateway.Tenants;

/// <inheritdoc cref="ITenantGrain"/>
internal sealed class TenantGrain(IArtifactGrants grants, ActivationWatch watch) : Grain, ITenantGrain
{
    /// <summary>How long a reservation lasts without renewal.</summary>
    public static readonly TimeSpan ReservationLife = TimeSpan.FromSeconds(40);

    private readonly Dictionary<Guid, (long Bytes, DateTimeOffset Until)> reserved = [];
    private readonly Dictionary<string, WorkerLosses> losses = new(StringComparer.Ordinal);

    private readonly UsedTime time = new();

    private string Name => this.GetPrimaryKeyString();

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        watch.Begin(this);
        return Task.CompletedTask;
    }

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
        DelayDeactivation(UsedTime.Window);
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
        // Idle grains leave memory.
        if (losses.Count > 0)
            DelayDeactivation(losses.Values.Max(one => one.Until) - now);
        return Task.CompletedTask;
    }
}
