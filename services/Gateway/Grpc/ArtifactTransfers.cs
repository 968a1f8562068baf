using Fewshot.ServiceDefaults;
using Grpc.Core;

namespace Fewshot.Gateway.Grpc;

/// <summary>Uploads and downloads at a time: each holds a few megabytes, and more wait in turn.</summary>
public sealed class ArtifactTransfers(GatewayOptions options) : IDisposable
{
    private readonly SemaphoreSlim places = new(options.MaxTransfers);

    /// <summary>Waits for a place; dispose it when the transfer has ended.</summary>
    public async Task<IDisposable> BeginAsync(CancellationToken ct)
    {
        await places.WaitAsync(ct);
        return new SemaphorePlace(places);
    }

    /// <summary>Sends a message to a caller who must read: the connection of one who does not for too long is given up.</summary>
    /// <exception cref="IdleStreamException">Nothing was read for too long.</exception>
    public async Task SendAsync<T>(T message, IServerStreamWriter<T> to, ServerCallContext call)
    {
        try
        {
            await to.WriteAsync(message).WaitAsync(options.TransferIdle);
        }
        catch (TimeoutException)
        {
            // A status could not reach the caller either.
            call.GetHttpContext().Abort();
            throw new IdleStreamException(options.TransferIdle);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => places.Dispose();
}
