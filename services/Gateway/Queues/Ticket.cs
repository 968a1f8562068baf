namespace Fewshot.Gateway.Queues;

/// <summary>
/// Somebody who needs a place: a step that needs a worker, a job that needs room to run, a caller who wants to watch a job.
/// </summary>
/// <param name="Id">Drawn for it.</param>
/// <param name="Gateway">The gateway that holds it and renews it.</param>
/// <param name="Tenant">Tenants take turns.</param>
/// <param name="Job">The jobs of a tenant take turns.</param>
[GenerateSerializer, Immutable]
public sealed record Ticket(
    [property: Id(0)] Guid Id, [property: Id(1)] string Gateway, [property: Id(2)] string Tenant, [property: Id(3)] string Job)
{
    /// <summary>The only place that will do; null for any that is shared.</summary>
    [Id(4)]
    public string? Only { get; init; }

    /// <summary>
    /// Whether <see cref="Only"/> exists only while tickets ask for it, with room for one of them, instead of being a place that gateways
    /// know.
    /// </summary>
    [Id(6)]
    public bool Alone { get; init; }

    /// <summary>How many places of this queue its tenant may have at a time; null for any number.</summary>
    [Id(5)]
    public int? TenantLimit { get; init; }
}

/// <summary>A place as a gateway knows it.</summary>
/// <param name="Name">A worker's address, or whatever else has room.</param>
/// <param name="Capacity">How many tickets have room there.</param>
/// <param name="Shared">Whether every ticket may have it, or only those that ask for nothing else.</param>
[GenerateSerializer, Immutable]
public sealed record PlaceView([property: Id(0)] string Name, [property: Id(1)] int Capacity, [property: Id(2)] bool Shared);

/// <summary>A ticket as its gateway knows it.</summary>
/// <param name="Ticket">The ticket.</param>
/// <param name="Turn">How many places it has had and given back.</param>
/// <param name="Place">The one it has now.</param>
/// <param name="Reached">Whether that has answered.</param>
[GenerateSerializer, Immutable]
public sealed record TicketView(
    [property: Id(0)] Ticket Ticket, [property: Id(1)] int Turn, [property: Id(2)] string? Place, [property: Id(3)] bool Reached);

/// <summary>All that a gateway knows of a queue.</summary>
[GenerateSerializer, Immutable]
public sealed record GatewayView(
    [property: Id(0)] string Gateway, [property: Id(1)] PlaceView[] Places, [property: Id(2)] TicketView[] Tickets);

/// <summary>How many tickets a queue has.</summary>
/// <param name="Queued">They wait for a place, or for their next attempt.</param>
/// <param name="Running">They have one.</param>
[GenerateSerializer, Immutable]
public readonly record struct QueueLoad([property: Id(0)] int Queued, [property: Id(1)] int Running)
{
    /// <summary>Both: workers are needed for what runs as well as for what waits.</summary>
    public int Demand => Queued + Running;
}
