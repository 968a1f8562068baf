namespace Fewshot.Gateway.Grpc;

/// <summary>
/// Fires when nothing was heard for a while, counting only time in which this process itself ran: after Ctrl-Z, or on a machine that slept, the worker was
/// not silent, nobody listened.
/// </summary>
public sealed class SilenceWatch : IDisposable
{
    private const int Ticks = 10;
    private readonly CancellationTokenSource silent;
    private readonly Timer timer;
    private int quiet;

    /// <param name="limit">How long nothing may be heard.</param>
    /// <param name="stop">Fires <see cref="Token"/> too.</param>
    public SilenceWatch(TimeSpan limit, CancellationToken stop)
    {
        silent = CancellationTokenSource.CreateLinkedTokenSource(stop);
        // However long the process stood still, the timer fires twice at most when it goes on.
        timer = new Timer(_ => Tick(), null, limit / Ticks, limit / Ticks);
    }

    /// <summary>Fires after the silence.</summary>
    public CancellationToken Token => silent.Token;

    /// <summary>Something was heard.</summary>
    public void Heard() => Interlocked.Exchange(ref quiet, 0);

    /// <inheritdoc/>
    public void Dispose()
    {
        // Waits for a tick that is running: it must not meet a disposed source.
        using var ended = new ManualResetEvent(false);
        if (timer.Dispose(ended))
            ended.WaitOne();
        silent.Dispose();
    }

    private void Tick()
    {
        if (Interlocked.Increment(ref quiet) >= Ticks)
            _ = silent.CancelAsync(); // elsewhere: whoever stops because of it disposes this, and would wait for this tick
    }
}
