namespace Fewshot.Gateway.Queues;

/// <summary>
/// Places and the tickets that wait for them or have them. Not safe for several threads. A gateway's places and tickets lapse when it has
/// not renewed them for <see cref="Life"/>.
/// </summary>
public sealed class FairPlaces(TimeProvider time)
{
    /// <summary>How long a gateway may be silent; it renews every two seconds.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromSeconds(8);

    private readonly Dictionary<Guid, Entry> entries = [];
    private readonly Dictionary<string, Place> places = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (PlaceView[] Places, long Seen)> gateways = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> held = new(StringComparer.Ordinal);
    private readonly FairQueue<Entry> waiting = new();
    private readonly Dictionary<Guid, long> ended = [];
    private TaskCompletionSource changed = Signal();
    private long? unreachableSince;
    private long order;

    /// <summary>What is counted now.</summary>
    public QueueLoad Load { get; private set; }

    /// <summary>Ends at the next change of <see cref="Load"/>.</summary>
    public Task Changed => changed.Task;

    /// <summary>Asks for a place for a ticket's turn; the task ends with its name. Who stops waiting says so with <see cref="Leave"/>.</summary>
    public Task<string> Ask(Ticket ticket, int turn)
    {
        var entry = Find(ticket);
        if (turn > entry.Turn)
            Free(entry, turn);
        entry.Poll ??= new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var poll = entry.Poll;
        if (entry.Place is { } place)
        {
            entry.Poll = null;
            poll.SetResult(place.Name);
        }
        else
        {
            Enqueue(entry);
            HandOut();
        }

        Count();
        return poll.Task;
    }

    /// <summary>Nobody listens to what was asked any more; the ticket keeps its turn.</summary>
    public void Leave(Guid ticket)
    {
        if (entries.TryGetValue(ticket, out var entry))
            entry.Poll = null;
    }

    /// <summary>Gives a place back.</summary>
    /// <returns>How long no place has answered.</returns>
    public TimeSpan Return(Guid ticket, int turn, bool reached, TimeSpan rest)
    {
        if (reached)
            unreachableSince = null;
        if (entries.TryGetValue(ticket, out var entry) && entry.Turn == turn && entry.Place is { } place)
        {
            if (rest > TimeSpan.Zero)
                Unreached(entry, place, rest);
            Free(entry, turn + 1);
            HandOut();
            Count();
        }

        return unreachableSince is { } since ? time.GetElapsedTime(since) : TimeSpan.Zero;
    }

    /// <summary>Forgets a ticket, and does not believe anybody who still knows it.</summary>
    public void End(Guid ticket)
    {
        ended[ticket] = time.GetTimestamp();
        if (!entries.Remove(ticket, out var entry))
            return;
        Remove(entry);
        HandOut();
        Count();
    }

    /// <summary>Takes over what a gateway knows, unless this knows better.</summary>
    public void Renew(GatewayView view)
    {
        gateways[view.Gateway] = (view.Places, time.GetTimestamp());
        UpdatePlaces();
        foreach (var (ticket, turn, name, reached) in view.Tickets)
        {
            if (ended.ContainsKey(ticket.Id))
                continue;
            if (reached)
                unreachableSince = null;
            var entry = Find(ticket);
            if (turn > entry.Turn)
                Free(entry, turn);
            // It has the place, whoever else may have it: this queue, or its silo, is new.
            if (turn == entry.Turn && entry.Place is null && name is not null)
                Hold(entry, PlaceOf(name));
        }

        HandOut();
        Count();
    }

    /// <summary>Lets lapse what was not renewed, and gives places that have rested.</summary>
    public void Sweep()
    {
        foreach (var (name, (_, seen)) in gateways)
        {
            if (time.GetElapsedTime(seen) > Life)
                gateways.Remove(name);
        }

        UpdatePlaces();
        foreach (var entry in entries.Values.Where(entry => time.GetElapsedTime(entry.Seen) > Life).ToArray())
        {
            entries.Remove(entry.Ticket.Id);
            Remove(entry);
        }

        foreach (var (id, since) in ended)
        {
            if (time.GetElapsedTime(since) > 2 * Life)
                ended.Remove(id);
        }

        HandOut();
        Count();
    }

    private Entry Find(Ticket ticket)
    {
        if (!entries.TryGetValue(ticket.Id, out var entry))
        {
            entries.Add(ticket.Id, entry = new Entry(ticket));
            if (ticket is { Alone: true, Only: { } own })
                PlaceOf(own).Capacity = 1;
        }

        entry.Seen = time.GetTimestamp();
        return entry;
    }

    private void Enqueue(Entry entry)
    {
        if (entry.Queued)
            return;
        entry.Queued = true;
        waiting.Enqueue(entry.Ticket.Tenant, entry.Ticket.Job, entry);
    }

    private void Hold(Entry entry, Place place)
    {
        if (entry.Queued)
            waiting.Remove(entry.Ticket.Tenant, entry.Ticket.Job, entry);
        entry.Queued = false;
        entry.Place = place;
        place.Used++;
        held[entry.Ticket.Tenant] = held.GetValueOrDefault(entry.Ticket.Tenant) + 1;
        var poll = entry.Poll;
        entry.Poll = null;
        poll?.SetResult(place.Name);
    }

    private void Free(Entry entry, int turn)
    {
        entry.Turn = turn;
        if (entry.Place is not { } place)
            return;
        entry.Place = null;
        place.Used--;
        place.FreeSince = ++order;
        if (place is { Used: 0, Capacity: 0 })
            places.Remove(place.Name);
        if (--held[entry.Ticket.Tenant] == 0)
            held.Remove(entry.Ticket.Tenant);
    }

    private void Remove(Entry entry)
    {
        if (entry.Queued)
            waiting.Remove(entry.Ticket.Tenant, entry.Ticket.Job, entry);
        Free(entry, entry.Turn + 1);
        entry.Poll?.TrySetCanceled();
    }

    /// <summary>The place gets no ticket for a while, so that others are tried. It counts against the queue where no other one is at work.</summary>
    private void Unreached(Entry entry, Place place, TimeSpan rest)
    {
        place.RestsSince = time.GetTimestamp();
        place.Rest = rest;
        if (!entries.Values.Any(other => other != entry && other.Place is { } busy && !Rests(busy)))
            unreachableSince ??= time.GetTimestamp();
    }

    private bool Rests(Place place) => place.Rest > TimeSpan.Zero && time.GetElapsedTime(place.RestsSince) < place.Rest;

    private bool IsFree(Place place) => place.Used < place.Capacity && !Rests(place);

    private void HandOut()
    {
        while (places.Values.Any(IsFree) && waiting.Take(MayHave) is { } entry)
        {
            entry.Queued = false;
            Hold(entry, Choose(entry)!);
        }
    }

    // Whoever does not listen just now, or whose tenant has enough, is overtaken and keeps its turn.
    private bool MayHave(Entry entry) =>
        entry.Poll is not null
        && held.GetValueOrDefault(entry.Ticket.Tenant) < (entry.Ticket.TenantLimit ?? int.MaxValue)
        && Choose(entry) is not null;

    private Place? Choose(Entry entry) => entry.Ticket.Only is { } only
        ? places.GetValueOrDefault(only) is { } place && IsFree(place) ? place : null
        : places.Values.Where(place => place.Shared && IsFree(place)).MinBy(place => place.FreeSince);

    private void UpdatePlaces()
    {
        foreach (var place in places.Values)
            (place.Capacity, place.Shared) = (0, false);
        foreach (var view in gateways.Values.SelectMany(gateway => gateway.Places))
        {
            var place = PlaceOf(view.Name);
            (place.Capacity, place.Shared) = (Math.Max(place.Capacity, view.Capacity), place.Shared || view.Shared);
        }

        foreach (var entry in entries.Values)
        {
            if (entry.Ticket is { Alone: true, Only: { } own })
                PlaceOf(own).Capacity = 1;
        }

        foreach (var gone in places.Values.Where(place => place is { Capacity: 0, Used: 0 }).ToArray())
            places.Remove(gone.Name);
    }

    private Place PlaceOf(string name)
    {
        if (!places.TryGetValue(name, out var place))
            places.Add(name, place = new Place(name) { FreeSince = ++order });
        return place;
    }

    private void Count()
    {
        var running = held.Values.Sum();
        var load = new QueueLoad(entries.Count - running, running);
        if (load == Load)
            return;
        Load = load;
        var before = changed;
        changed = Signal();
        before.SetResult();
    }

    private static TaskCompletionSource Signal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed class Place(string name)
    {
        public string Name { get; } = name;

        public int Capacity { get; set; }

        public bool Shared { get; set; }

        public int Used { get; set; }

        public long FreeSince { get; set; }

        public long RestsSince { get; set; }

        public TimeSpan Rest { get; set; }
    }

    private sealed class Entry(Ticket ticket)
    {
        public Ticket Ticket { get; } = ticket;

        public int Turn { get; set; }

        public Place? Place { get; set; }

        public bool Queued { get; set; }

        public TaskCompletionSource<string>? Poll { get; set; }

        public long Seen { get; set; }
    }
}
