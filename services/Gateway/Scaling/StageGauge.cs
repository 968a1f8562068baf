namespace Fewshot.Gateway.Scaling;

/// <summary>Counts one stage's steps from the moment they need a worker until they have their result or are given up.</summary>
public sealed class StageGauge
{
    private readonly Lock gate = new();
    private TaskCompletionSource changed = NewSignal();
    private int needed, running;

    /// <summary>What is counted now, and a task that ends at the next change.</summary>
    public (StageLoad Load, Task Changed) Look()
    {
        lock (gate)
            return (new StageLoad(needed - running, running), changed.Task);
    }

    /// <summary>A step needs a worker; dispose when it does no longer. It counts as queued while it is not running.</summary>
    public IDisposable Need() => new Span(this, step: 1, run: 0);

    /// <summary>A step that needs a worker has one; dispose when it has lost or left it.</summary>
    public IDisposable Run() => new Span(this, step: 0, run: 1);

    private void Add(int step, int run)
    {
        TaskCompletionSource before;
        lock (gate)
        {
            needed += step;
            running += run;
            (before, changed) = (changed, NewSignal());
        }

        before.SetResult();
    }

    // Who waits goes on elsewhere, not in the middle of a step's start.
    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private sealed class Span : IDisposable
    {
        private readonly StageGauge gauge;
        private readonly int step, run;
        private int ended;

        public Span(StageGauge gauge, int step, int run)
        {
            (this.gauge, this.step, this.run) = (gauge, step, run);
            gauge.Add(step, run);
        }

        public void Dispose()
        {
            if (Interlocked.Exchange(ref ended, 1) == 0)
                gauge.Add(-step, -run);
        }
    }
}
