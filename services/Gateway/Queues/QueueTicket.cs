using Fewshot.Artifacts;

namespace Fewshot.Gateway.Queues;

/// <summary>A ticket of this gateway: it has one place after another, or none. For one caller at a time.</summary>
public sealed class QueueTicket : IAsyncDisposable
{
    private readonly Lock gate = new();
    private readonly PlaceQueue queue;
    private string? place;
    private bool reached, ended;

    internal QueueTicket(PlaceQueue queue, Ticket ticket) => (this.queue, Ticket) = (queue, ticket);

    internal Ticket Ticket { get; }

    internal int Turn { get; private set; }

    internal TicketView View
    {
        get
        {
            lock (gate)
                return new TicketView(Ticket, Turn, place, reached);
        }
    }

    /// <summary>Waits for a place and gives its name.</summary>
    public async Task<string> TakeAsync(CancellationToken ct) => Taken(await queue.TakeAsync(this, ct));

    /// <summary>A place that is free at once; else null.</summary>
    public async Task<string?> TryTakeAsync(CancellationToken ct) =>
        await queue.TryTakeAsync(this, TimeSpan.Zero, ct) is { } name ? Taken(name) : null;

    /// <summary>The place has answered.</summary>
    public void Reached()
    {
        lock (gate)
            reached = true;
    }

    /// <summary>Gives the place back; the ticket keeps counting as waiting.</summary>
    /// <param name="rest">How long nobody shall have it.</param>
    /// <returns>How long no place of the queue has answered; zero where the queue itself does not.</returns>
    public async Task<TimeSpan> ReturnAsync(TimeSpan rest = default)
    {
        int turn;
        bool answered;
        lock (gate)
        {
            if (place is null)
                return TimeSpan.Zero;
            (turn, answered, place, reached) = (Turn++, reached, null, false);
        }

        try
        {
            return await queue.ReturnAsync(this, turn, answered, rest);
        }
        catch (Exception e) when (e is StoreUnavailableException or OperationCanceledException or ObjectDisposedException)
        {
            // The next renewal says so, or nobody renews any more.
            return TimeSpan.Zero;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        lock (gate)
        {
            if (ended)
                return;
            ended = true;
        }

        await queue.EndAsync(this);
    }

    private string Taken(string name)
    {
        lock (gate)
            return place = name;
    }
}
