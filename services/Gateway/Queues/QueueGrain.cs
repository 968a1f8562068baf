using Fewshot.Gateway.Cluster;
using Fewshot.Gateway.Scaling;
using Orleans.Concurrency;

namespace Fewshot.Gateway.Queues;

/// <inheritdoc cref="IQueueGrain"/>
[Reentrant]
internal sealed class QueueGrain(GatewayMetrics metrics, ActivationWatch watch, IHostApplicationLifetime lifetime) : Grain, IQueueGrain
{
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(1);
    private readonly FairPlaces places = new(TimeProvider.System);

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        watch.Begin(this);
        this.RegisterGrainTimer(
            _ =>
            {
                places.Sweep();
                Tell();
                return Task.CompletedTask;
            },
            new GrainTimerCreationOptions { DueTime = SweepInterval, Period = SweepInterval });
        return Task.CompletedTask;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        metrics.Queue(this.GetPrimaryKeyString(), default);
        return Task.CompletedTask;
    }

    public async Task<string?> TakeAsync(Ticket ticket, int turn, TimeSpan wait)
    {
        var place = places.Ask(ticket, turn);
        Tell();
        if (wait > TimeSpan.Zero)
            await WaitAsync(place, wait);
        if (place.IsCompletedSuccessfully)
            return await place;
        places.Leave(ticket.Id);
        return null;
    }

    public Task<TimeSpan> ReturnAsync(Guid ticket, int turn, bool reached, TimeSpan rest)
    {
        var unreachable = places.Return(ticket, turn, reached, rest);
        Tell();
        if (rest > TimeSpan.Zero)
            _ = SweepAfterAsync(rest);
        return Task.FromResult(unreachable);
    }

    public Task EndAsync(Guid ticket)
    {
        places.End(ticket);
        Tell();
        return Task.CompletedTask;
    }

    public Task RenewAsync(GatewayView view)
    {
        places.Renew(view);
        Tell();
        return Task.CompletedTask;
    }

    public async Task<QueueLoad> LookAsync(QueueLoad? known, TimeSpan wait)
    {
        if (places.Load == known)
            await WaitAsync(places.Changed, wait);
        return places.Load;
    }

    /// <summary>Waits no longer than the gateway lives: a grain moves only when its calls have ended.</summary>
    private async Task WaitAsync(Task task, TimeSpan longest) => await task.WaitAsync(longest, lifetime.ApplicationStopping)
        .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);

    /// <summary>Sooner than the timer, for pauses shorter than its period.</summary>
    private async Task SweepAfterAsync(TimeSpan rest)
    {
        await Task.Delay(rest);
        places.Sweep();
        Tell();
    }

    private void Tell() => metrics.Queue(this.GetPrimaryKeyString(), places.Load);
}
