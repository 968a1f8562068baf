using Fewshot.Gateway.Queues;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Tenants;

/// <summary>Counts the streams that each tenant has open, at all gateways together.</summary>
public sealed class WatchedStreams(PlaceQueues queues)
{
    private const string Place = "stream";

    /// <summary>Opens one; dispose when it ends.</summary>
    /// <exception cref="QuotaExceededException">The tenant has as many as it may have.</exception>
    public async Task<IAsyncDisposable?> OpenAsync(Tenant tenant, CancellationToken ct)
    {
        if (tenant.MaxStreams is not { } limit)
            return null;
        var queue = queues.Of("streams/" + tenant.Name);
        queue.SetPlaces([new PlaceView(Place, limit, Shared: true)]);
        var ticket = queue.Join(tenant.Name, job: "");
        try
        {
            return await ticket.TryTakeAsync(ct) is not null ? ticket : throw new QuotaExceededException(
                $"This tenant watches as many jobs as it may, {limit}: end another watch first.");
        }
        catch
        {
            await ticket.DisposeAsync();
            throw;
        }
    }
}
