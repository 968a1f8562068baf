using System.Collections.Concurrent;
using System.Diagnostics;
using Fewshot.ServiceDefaults;
using Grpc.Core;

namespace Fewshot.Gateway.Grpc;

/// <summary>Uploads and downloads at a time: each holds a few megabytes, and more wait in turn, before anything of theirs is read.</summary>
public sealed class ArtifactTransfers(GatewayOptions options) : IDisposable
{
    private readonly SemaphoreSlim places = new(options.MaxTransfers);
    private readonly ConcurrentDictionary<string, SemaphoreSlim> ofTenants = new(StringComparer.Ordinal);

    /// <summary>How many have a place now.</summary>
    public int UnderWay => options.MaxTransfers - places.CurrentCount;

    /// <summary>Waits for a place; dispose it when the transfer has ended.</summary>
    public async Task<ArtifactTransfer> BeginAsync(Tenant tenant, CancellationToken ct)
    {
        // The tenant's own first: who waits for it keeps nobody else waiting.
        var own = ofTenants.GetOrAdd(tenant.Name, _ => new SemaphoreSlim(options.MaxTransfersPerTenant));
        await own.WaitAsync(ct);
        try
        {
            await places.WaitAsync(ct);
        }
        catch
        {
            own.Release();
            throw;
        }

        return new ArtifactTransfer(options, [new SemaphorePlace(places), new SemaphorePlace(own)]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        places.Dispose();
        foreach (var own in ofTenants.Values)
            own.Dispose();
    }
}

/// <summary>
/// An upload or a download with its place. Its caller must send or read something within <see cref="GatewayOptions.TransferIdle"/>, and as
/// much on average as <see cref="GatewayOptions.MinTransferRate"/>; the time that this server needs does not count.
/// </summary>
public sealed class ArtifactTransfer : IDisposable
{
    private readonly GatewayOptions options;
    private readonly IDisposable[] places;
    private TimeSpan waited;
    private long bytes;

    internal ArtifactTransfer(GatewayOptions options, IDisposable[] places) => (this.options, this.places) = (options, places);

    /// <summary>Sends a message to a caller who must read: the connection of one who does not for too long, or too slowly, is given up.</summary>
    /// <exception cref="IdleStreamException">Nothing was read for too long.</exception>
    /// <exception cref="SlowStreamException">Too little was read.</exception>
    public async Task SendAsync<T>(T message, int size, IServerStreamWriter<T> to, ServerCallContext call)
    {
        var begun = Stopwatch.GetTimestamp();
        try
        {
            await to.WriteAsync(message).WaitAsync(options.TransferIdle);
            Waited(Stopwatch.GetElapsedTime(begun), size);
        }
        catch (Exception e) when (e is TimeoutException or SlowStreamException)
        {
            // A status could not reach the caller either.
            call.GetHttpContext().Abort();
            throw e is TimeoutException ? new IdleStreamException(options.TransferIdle) : e;
        }
    }

    /// <summary>The caller was waited for.</summary>
    /// <param name="time">How long.</param>
    /// <param name="size">Bytes that came or went then.</param>
    /// <exception cref="SlowStreamException">It has sent or read too little so far.</exception>
    public void Waited(TimeSpan time, int size)
    {
        waited += time;
        bytes += size;
        if (waited > options.TransferIdle && bytes < waited.TotalSeconds * options.MinTransferRate)
            throw new SlowStreamException(options.MinTransferRate);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var place in places)
            place.Dispose();
    }
}
