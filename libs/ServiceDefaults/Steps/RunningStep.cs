using Fewshot.Artifacts;
using Fewshot.Stages.V1;

namespace Fewshot.ServiceDefaults;

/// <summary>Why a step's work was asked to stop.</summary>
internal enum StopReason
{
    None,

    /// <summary>Its callers do not want it any more.</summary>
    Cancelled,

    /// <summary>The host is stopping.</summary>
    Draining,
}

/// <summary>What a step ended with.</summary>
internal sealed record FinishedStep(StepRecord Record, bool RunElsewhere);

/// <summary>
/// A step in this process and the callers attached to it. It runs to its end though all of them have gone, unless one of them cancelled it:
/// then it stops as soon as nobody is attached.
/// </summary>
internal sealed class RunningStep : IProgress<StepProgress>, IDisposable
{
    private readonly Lock gate = new();
    private readonly List<IProgress<StepProgress>> callers = [];
    private readonly CancellationTokenSource stop = new();
    private readonly TaskCompletionSource<FinishedStep> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool stopWhenAbandoned;

    /// <summary>Fires when the work shall write its checkpoint and stop.</summary>
    public CancellationToken Stop => stop.Token;

    /// <summary>Why <see cref="Stop"/> fired.</summary>
    public StopReason Reason { get; private set; }

    /// <summary>Ends with the step.</summary>
    public Task<FinishedStep> Ended => ended.Task;

    /// <summary>Adds a caller; false when the step is stopping already.</summary>
    public bool TryAttach(IProgress<StepProgress> caller)
    {
        lock (gate)
        {
            if (Reason != StopReason.None)
                return false;
            stopWhenAbandoned = false;
            callers.Add(caller);
            return true;
        }
    }

    public void Detach(IProgress<StepProgress> caller)
    {
        lock (gate)
        {
            callers.Remove(caller);
            if (!stopWhenAbandoned || callers.Count > 0)
                return;
        }

        RequestStop(StopReason.Cancelled);
    }

    /// <summary>Cancels the step on behalf of one caller, who detaches before or after.</summary>
    public void StopWhenAbandoned()
    {
        lock (gate)
        {
            stopWhenAbandoned = true;
            if (callers.Count > 0)
                return;
        }

        RequestStop(StopReason.Cancelled);
    }

    public void RequestStop(StopReason reason)
    {
        lock (gate)
        {
            if (Reason != StopReason.None || ended.Task.IsCompleted)
                return;
            Reason = reason;
        }

        stop.Cancel();
    }

    public void Report(StepProgress value)
    {
        IProgress<StepProgress>[] listeners;
        lock (gate)
            listeners = [.. callers];
        foreach (var listener in listeners)
            listener.Report(value);
    }

    public void Complete(FinishedStep finished) => ended.TrySetResult(finished);

    public void Fail(Exception e)
    {
        ended.TrySetException(e);
        // Nobody may be attached any more; the failure was logged.
        _ = ended.Task.Exception;
    }

    public void Dispose() => stop.Dispose();
}
