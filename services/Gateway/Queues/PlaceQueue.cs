using System.Diagnostics;
using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;

namespace Fewshot.Gateway.Queues;

/// <summary>A queue of the cluster as one gateway sees it: the places that it knows, and its own tickets, which it renews.</summary>
public sealed partial class PlaceQueue : IDisposable
{
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(2), LongestWait = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);
    private readonly CancellationTokenSource stop = new();
    private readonly Lock gate = new();
    private readonly SemaphoreSlim renewing = new(1);
    private readonly Dictionary<Guid, QueueTicket> tickets = [];
    private readonly GrainCalls calls;
    private readonly ILogger logger;
    private readonly string queue, gateway;
    private PlaceView[] places = [];
    private long renewed = Stopwatch.GetTimestamp() - (long)(Renewal.TotalSeconds * Stopwatch.Frequency);
    private bool keeping;

    /// <param name="calls">Reaches the queue.</param>
    /// <param name="queue">Its name.</param>
    /// <param name="gateway">This gateway's name, which no other has.</param>
    /// <param name="logger">Hears when the queue does not answer.</param>
    public PlaceQueue(GrainCalls calls, string queue, string gateway, ILogger logger) =>
        (this.calls, this.queue, this.gateway, this.logger) = (calls, queue, gateway, logger);

    /// <summary>Sets the places that this gateway knows.</summary>
    public void SetPlaces(IEnumerable<PlaceView> known)
    {
        PlaceView[] now = [.. known];
        lock (gate)
        {
            if (now.AsSpan().SequenceEqual(places))
                return;
            (places, renewed) = (now, 0);
            if (tickets.Count == 0)
                return;
        }

        _ = RenewOrLogAsync();
    }

    /// <summary>Joins the queue; dispose the ticket when it needs no place any more.</summary>
    /// <param name="tenant">Whose turn is used.</param>
    /// <param name="job">And which of its jobs'.</param>
    /// <param name="only">The only place that will do; null for any that is shared.</param>
    /// <param name="tenantLimit">How many places of this queue the tenant may have.</param>
    public QueueTicket Join(string tenant, string job, string? only = null, int? tenantLimit = null) =>
        Join(new Ticket(Guid.NewGuid(), gateway, tenant, job) { Only = only, TenantLimit = tenantLimit });

    /// <summary>Joins the queue for something that one ticket at a time may have; dispose the ticket when it is no longer needed.</summary>
    /// <param name="tenant">Whose turn is used.</param>
    /// <param name="job">And which of its jobs'.</param>
    /// <param name="name">What it is.</param>
    public QueueTicket JoinAlone(string tenant, string job, string name) =>
        Join(new Ticket(Guid.NewGuid(), gateway, tenant, job) { Only = name, Alone = true });

    /// <inheritdoc/>
    public void Dispose()
    {
        stop.Cancel();
        stop.Dispose();
    }

    /// <summary>Waits for a place.</summary>
    internal async Task<string> TakeAsync(QueueTicket ticket, CancellationToken ct)
    {
        while (true)
        {
            var asked = Stopwatch.GetTimestamp();
            if (await TryTakeAsync(ticket, LongestWait, ct) is { } place)
                return place;
            // The queue's silo is stopping.
            if (Stopwatch.GetElapsedTime(asked) < LongestWait / 2)
                await Task.Delay(Pause, ct);
        }
    }

    /// <summary>Waits for a place no longer than a time.</summary>
    internal async Task<string?> TryTakeAsync(QueueTicket ticket, TimeSpan wait, CancellationToken ct)
    {
        // A queue that has heard nothing for a while does not know this gateway's places.
        if (Stopwatch.GetElapsedTime(renewed) > 2 * Renewal)
            await RenewAsync(ct);
        return await calls.AskAsync<IQueueGrain, string?>(queue, grain => grain.TakeAsync(ticket.Ticket, ticket.Turn, wait), ct);
    }

    internal Task<TimeSpan> ReturnAsync(QueueTicket ticket, int turn, bool reached, TimeSpan rest) =>
        calls.AskAsync<IQueueGrain, TimeSpan>(queue, grain => grain.ReturnAsync(ticket.Ticket.Id, turn, reached, rest), stop.Token);

    internal async Task EndAsync(QueueTicket ticket)
    {
        lock (gate)
            tickets.Remove(ticket.Ticket.Id);
        try
        {
            await calls.TellAsync<IQueueGrain>(queue, grain => grain.EndAsync(ticket.Ticket.Id), stop.Token);
        }
        catch (Exception e) when (e is StoreUnavailableException or OperationCanceledException or ObjectDisposedException)
        {
            // What is not renewed lapses.
            LogNotTold(queue, e.Message);
        }
    }

    private QueueTicket Join(Ticket wanted)
    {
        var ticket = new QueueTicket(this, wanted);
        lock (gate)
        {
            tickets.Add(ticket.Ticket.Id, ticket);
            if (!keeping)
                _ = KeepAsync();
            keeping = true;
        }

        return ticket;
    }

    private async Task KeepAsync()
    {
        using var timer = new PeriodicTimer(Renewal);
        try
        {
            while (await timer.WaitForNextTickAsync(stop.Token))
            {
                bool any;
                lock (gate)
                    any = tickets.Count > 0;
                if (any)
                    await RenewOrLogAsync();
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The gateway ends.
        }
    }

    private async Task RenewOrLogAsync()
    {
        try
        {
            await RenewAsync(stop.Token);
        }
        catch (Exception e) when (e is StoreUnavailableException or OperationCanceledException or ObjectDisposedException)
        {
            LogNotTold(queue, e.Message);
        }
    }

    private async Task RenewAsync(CancellationToken ct)
    {
        await renewing.WaitAsync(ct);
        try
        {
            await calls.TellAsync<IQueueGrain>(queue, grain => grain.RenewAsync(Look()), ct);
        }
        finally
        {
            renewing.Release();
        }
    }

    private GatewayView Look()
    {
        lock (gate)
        {
            renewed = Stopwatch.GetTimestamp();
            return new GatewayView(gateway, places, [.. tickets.Values.Select(ticket => ticket.View)]);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "The queue {Queue} could not be told: {Reason}")]
    private partial void LogNotTold(string queue, string reason);
}
