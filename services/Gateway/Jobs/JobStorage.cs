using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;
using Orleans.Storage;

namespace Fewshot.Gateway.Jobs;

/// <summary>
/// How one activation of a job's grain keeps it: the newest events with the job's record, older ones in pages of their own.
/// </summary>
internal sealed class JobStorage(GrainRecords records, string id)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);
    private GrainState<StoredJob> stored = new();

    /// <summary>What writes of progress wait for.</summary>
    public SemaphoreSlim Unhurried => records.Unhurried;

    /// <summary>What is stored; null where nothing is.</summary>
    /// <exception cref="DataLossException">It is damaged.</exception>
    public async Task<StoredJob?> OpenAsync()
    {
        var there = await records.ReadAsync<StoredJob>(StoredJob.Kind, id);
        if (there is not { RecordExists: true, State: { } state })
            return null;
        if (!state.IsOf(id))
            throw new DataLossException("What is stored is another job's.");
        stored = there;
        return state;
    }

    /// <summary>Writes a job, and its oldest events into pages where there are many; waits for a storage that does not answer.</summary>
    /// <returns>What is stored now.</returns>
    /// <exception cref="JobTakenOverException">A later activation has written it.</exception>
    /// <exception cref="StoreFullException">The disk is full.</exception>
    public async Task<StoredJob> WriteAsync(StoredJob now, CancellationToken stop)
    {
        while (now.Newest.Count > StoredEvents.Count)
        {
            var page = new GrainState<StoredEvents>(new StoredEvents([.. now.Newest.Take(StoredEvents.Count)]));
            await UntilAnsweredAsync(() => records.OverwriteAsync(StoredEvents.Kind, StoredEvents.NameOf(id, now.Sealed), page), stop);
            now = now with { Sealed = now.Sealed + StoredEvents.Count, Newest = [.. now.Newest.Skip(StoredEvents.Count)] };
        }

        while (true)
        {
            try
            {
                stored.State = now;
                await UntilAnsweredAsync(() => records.WriteAsync(StoredJob.Kind, id, stored), stop);
                return now;
            }
            catch (InconsistentStateException)
            {
                // Written unheard, lost with a server's memory, or another activation's: then the later one goes on.
                await UntilAnsweredAsync(async () => stored = await records.ReadWholeAsync<StoredJob>(StoredJob.Kind, id), stop);
                if (stored.State is { } other && other.Epoch > now.Epoch)
                    throw new JobTakenOverException(id);
            }
        }
    }

    /// <summary>The events of a page from a number on; where they are lost, one that says nothing stands for all.</summary>
    public async Task<JobEvent[]> PageAsync(long from)
    {
        var before = (from - 1) / StoredEvents.Count * StoredEvents.Count;
        try
        {
            var page = await records.ReadAsync<StoredEvents>(StoredEvents.Kind, StoredEvents.NameOf(id, before));
            if (page is { RecordExists: true, State.Events: var events })
                return [.. events.Where(e => e.Sequence >= from)];
        }
        catch (DataLossException)
        {
            // Lost, as are those of a server that lost its memory.
        }

        return [new JobEvent(before + StoredEvents.Count, DateTimeOffset.UtcNow)];
    }

    /// <summary>Removes everything.</summary>
    /// <param name="folded">How many events are in pages.</param>
    public async Task RemoveAsync(long folded)
    {
        await records.RemoveAsync(StoredJob.Kind, id);
        for (var page = 0L; page < folded; page += StoredEvents.Count)
            await records.RemoveAsync(StoredEvents.Kind, StoredEvents.NameOf(id, page));
    }

    private static async Task UntilAnsweredAsync(Func<Task> ask, CancellationToken stop)
    {
        while (true)
        {
            try
            {
                stop.ThrowIfCancellationRequested();
                await ask();
                return;
            }
            catch (StoreUnavailableException)
            {
                await Task.Delay(Pause, stop);
            }
        }
    }
}
