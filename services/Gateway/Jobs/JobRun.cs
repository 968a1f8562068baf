using System.Diagnostics;

namespace Fewshot.Gateway.Jobs;

/// <summary>A job while it runs here: where its workflow reports, and how it is told to stop.</summary>
/// <param name="Job">The record it was claimed with.</param>
/// <param name="Log">Its events.</param>
/// <param name="Cancelled">Fires when a user cancelled it: its steps stop too.</param>
/// <param name="Stop">Fires then, and when this gateway hands it back: its steps go on.</param>
public sealed record JobRun(JobRecord Job, JobLog Log, CancellationToken Cancelled, CancellationToken Stop)
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromMilliseconds(500);
    private readonly Lock gate = new();
    private readonly Dictionary<string, long> reported = [];

    /// <summary>Notes progress; what comes faster than twice a second is left out unless it ends the stage.</summary>
    public void Progress(ProgressNote note)
    {
        lock (gate)
        {
            var ends = note.Total > 0 && note.Completed == note.Total;
            if (!ends && reported.TryGetValue(note.Stage, out var last) && Stopwatch.GetElapsedTime(last) < ProgressInterval)
                return;
            reported[note.Stage] = Stopwatch.GetTimestamp();
        }

        Log.Append(progress: note);
    }

    /// <summary>Workers that steps were left with when the job was last run elsewhere, by the steps' keys.</summary>
    public IReadOnlyDictionary<string, string> LeftWith { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>Notes that a worker is asked for a step, or another one has taken it.</summary>
    public void StepStarted(string name, string key, string worker) =>
        Log.Append(step: new StepNote(name, key, Done: false, Cached: false, Seconds: 0) { Worker = worker });

    /// <summary>Notes that a step ended with a result.</summary>
    public void StepEnded(string name, string key, bool cached, double seconds) =>
        Log.Append(step: new StepNote(name, key, Done: true, cached, seconds));
}
