using System.Diagnostics;
using Fewshot.Artifacts;

namespace Fewshot.Compression;

/// <summary>Decides when a long step writes a checkpoint: every 200 iterations or 20 seconds, whichever comes first.</summary>
/// <remarks>A checkpoint is taken between iterations and holds everything they depend on, so when it is written changes no result.</remarks>
internal sealed class PeriodicCheckpoint(ICheckpointStore store, Action<Stream, long> write)
{
    private const int Iterations = 200;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(20);
    private long last = Stopwatch.GetTimestamp();
    private int offered;

    /// <summary>Saves if a checkpoint is due.</summary>
    /// <param name="finished">Iterations finished.</param>
    public void Offer(long finished)
    {
        if (++offered >= Iterations || Stopwatch.GetElapsedTime(last) >= Interval)
            Save(finished);
    }

    /// <summary>Saves now.</summary>
    public void Save(long finished)
    {
        store.Save(stream => write(stream, finished));
        last = Stopwatch.GetTimestamp();
        offered = 0;
    }
}
