using System.Diagnostics;
using Fewshot.Artifacts;
using Fewshot.Stages.V1;
using Google.Protobuf.WellKnownTypes;

namespace Fewshot.ServiceDefaults;

/// <summary>
/// Carries a work's progress into a stream: the newest state only, not more often than the interval, and again when nothing changed for a
/// heartbeat, with an estimate of the time left.
/// </summary>
public sealed class ProgressPump(string stage, FewshotOptions options) : IProgress<StepProgress>, IDisposable
{
    private readonly Lock gate = new();
    private readonly SemaphoreSlim changed = new(0, 1);
    private StepProgress newest = new(stage, 0, 0);
    private (string? Stage, long Completed, long Time) since;
    private bool disposed;

    /// <summary>Takes a progress; never blocks on the stream.</summary>
    public void Report(StepProgress value)
    {
        lock (gate)
        {
            newest = value;
            // The rate counts from what was done when this stream began to look: a resumed step starts in the middle.
            if (since.Stage != value.Stage || value.Completed < since.Completed)
                since = (value.Stage, value.Completed, Stopwatch.GetTimestamp());
        }

        Wake();
    }

    /// <summary>Writes until the work has ended; the result is the caller's to write.</summary>
    public async Task PumpAsync(Task work, Func<Progress, Task> write)
    {
        _ = work.ContinueWith(_ => Wake(), TaskScheduler.Default);
        // A step found done answers at once, without any progress.
        await Task.WhenAny(work, Task.Delay(options.ProgressInterval));
        while (!work.IsCompleted)
        {
            await write(Current());
            await Task.WhenAny(work, Task.Delay(options.ProgressInterval));
            if (!work.IsCompleted)
                await changed.WaitAsync(options.ProgressHeartbeat);
        }
    }

    /// <summary>The newest progress, with the time left where it can be told.</summary>
    public Progress Current()
    {
        lock (gate)
        {
            var progress = new Progress { Stage = newest.Stage, Completed = newest.Completed, Total = newest.Total };
            if (newest is { MetricName: { } name, Metric: { } metric })
                (progress.MetricName, progress.Metric) = (name, metric);
            var done = newest.Completed - since.Completed;
            if (done > 0 && newest.Total >= newest.Completed)
                progress.Eta = Duration.FromTimeSpan(Stopwatch.GetElapsedTime(since.Time) * ((newest.Total - newest.Completed) / (double)done));
            return progress;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            changed.Dispose();
        }
    }

    private void Wake()
    {
        lock (gate)
        {
            if (!disposed && changed.CurrentCount == 0)
                changed.Release();
        }
    }
}
