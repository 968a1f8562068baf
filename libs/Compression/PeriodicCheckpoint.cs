using System.Diagnostics;
using Fewshot.Artifacts;

namespace Fewshot.Compression;

/// <summary>
/// Decides when a long step writes a checkpoint: every 200 iterations or 20 seconds, whichever comes first, and so seldom that writing takes a twentieth
/// of the time at most.
/// </summary>
/// <remarks>A checkpoint is taken between iterations and holds everything they depend on, so when it is written changes no result.</remarks>
internal sealed class PeriodicCheckpoint(ICheckpointStore store, Action<Stream, long> write)
{
    private const int Iterations = 200;
    private const int Share = 20;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(20);
    private long last = Stopwatch.GetTimestamp();
    private TimeSpan cost;
    private int offered;

    /// <summary>Saves if a checkpoint is due.</summary>
    /// <param name="finished">Iterations finished.</param>
    public void Offer(long finished)
    {
        var since = Stopwatch.GetElapsedTime(last);
        if ((++offered >= Iterations || since >= Interval) && since >= cost * Share)
            Save(finished);
    }

    /// <summary>Saves now.</summary>
    public void Save(long finished)
    {
        var begun = Stopwatch.GetTimestamp();
        store.Save(stream => write(stream, finished));
        last = Stopwatch.GetTimestamp();
        cost = Stopwatch.GetElapsedTime(begun, last);
        offered = 0;
    }
}
