using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Tenants;

/// <summary>
/// The bytes that an upload will need, counted with what is stored before the first of them comes; dispose when the upload has ended.
/// </summary>
public sealed class UploadReservation : IAsyncDisposable
{
    private readonly CancellationTokenSource ended = new();
    private readonly Guid upload = Guid.NewGuid();
    private readonly GrainCalls grains;
    private readonly Tenant tenant;
    private Task keeping = Task.CompletedTask;

    internal UploadReservation(GrainCalls grains, Tenant tenant) => (this.grains, this.tenant) = (grains, tenant);

    /// <summary>Shows the tenant what it has uploaded whole.</summary>
    /// <exception cref="QuotaExceededException">Its uploads would have more bytes than they may: others came meanwhile.</exception>
    public async Task StoredAsync(ArtifactInfo artifact, CancellationToken ct)
    {
        var stored = await grains.AskAsync<ITenantGrain, long?>(
            tenant.Name, grain => grain.StoredAsync(upload, artifact.Digest.ToString(), artifact.SizeBytes, tenant.MaxArtifactBytes), ct);
        if (stored is { } bytes)
            throw NoSpace(artifact.SizeBytes, bytes);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await ended.CancelAsync();
        await keeping;
        ended.Dispose();
        try
        {
            await grains.TellAsync<ITenantGrain>(tenant.Name, grain => grain.DropAsync(upload));
        }
        catch (StoreUnavailableException)
        {
            // It lapses.
        }
    }

    /// <exception cref="QuotaExceededException">The tenant's uploads would have more bytes than they may.</exception>
    internal async Task ReserveAsync(long sizeBytes, CancellationToken ct)
    {
        if (tenant.MaxArtifactBytes is not { } limit)
            return;
        if (await grains.AskAsync<ITenantGrain, long?>(tenant.Name, grain => grain.ReserveAsync(upload, sizeBytes, limit), ct) is { } taken)
            throw NoSpace(sizeBytes, taken);
        keeping = KeepAsync(sizeBytes, limit);
    }

    private async Task KeepAsync(long sizeBytes, long limit)
    {
        using var timer = new PeriodicTimer(TenantGrain.ReservationLife / 4);
        try
        {
            while (await timer.WaitForNextTickAsync(ended.Token))
                await grains.AskAsync<ITenantGrain, long?>(tenant.Name, grain => grain.ReserveAsync(upload, sizeBytes, limit), ended.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or StoreUnavailableException)
        {
            // The upload has ended, or its bytes are counted when it has.
        }
    }

    private QuotaExceededException NoSpace(long sizeBytes, long stored) =>
        new($"No space is left for this tenant's upload of {sizeBytes} bytes: {stored} of {tenant.MaxArtifactBytes} bytes are stored or on their way.");
}
