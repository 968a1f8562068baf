namespace Fewshot.Gateway.Queues;

/// <summary>
/// A queue of the whole cluster, kept in memory: <c>stage/NAME</c> for a stage's workers, <c>jobs</c> for room to run,
/// <c>streams/TENANT</c> for watched jobs, and <c>steps/DIGIT</c> for the steps whose keys
/// begin so, each of which one job at a time has run. The gateways tell it every two seconds what they know, so that it is whole again
/// a moment after its silo died. What a gateway no longer renews lapses. During a partition a second activation may hand out a place that the first one
/// has handed out: then the worker sends one of the two steps away, which costs a pause.
/// </summary>
[Alias("fewshot.queue")]
public interface IQueueGrain : IGrainWithStringKey
{
    /// <summary>Waits for a place. Asking again for the same turn is harmless.</summary>
    /// <returns>The place's name; null where none came free in time: ask again.</returns>
    [Alias("take")]
    Task<string?> TakeAsync(Ticket ticket, int turn, TimeSpan wait);

    /// <summary>Gives a place back; the ticket stays.</summary>
    /// <param name="ticket">The ticket's id.</param>
    /// <param name="turn">The turn it had the place for.</param>
    /// <param name="reached">Whether the place has answered.</param>
    /// <param name="rest">How long it shall be given to nobody.</param>
    /// <returns>How long no place of this queue has answered.</returns>
    [Alias("return")]
    Task<TimeSpan> ReturnAsync(Guid ticket, int turn, bool reached, TimeSpan rest);

    /// <summary>The ticket needs no place any more.</summary>
    [Alias("end")]
    Task EndAsync(Guid ticket);

    /// <summary>Takes over what a gateway knows.</summary>
    [Alias("renew")]
    Task RenewAsync(GatewayView view);

    /// <summary>The queue's load, at once when it is another one than the caller knows, else when it changes or the time is over.</summary>
    [Alias("look")]
    Task<QueueLoad> LookAsync(QueueLoad? known, TimeSpan wait);
}
