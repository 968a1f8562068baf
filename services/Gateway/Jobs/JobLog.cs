using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;

namespace Fewshot.Gateway.Jobs;

/// <summary>
/// A job and its events in one activation of its grain. Everything is written before anybody sees it, in order and in batches, in the
/// background: whoever reports progress does not wait for a server. Safe for several threads.
/// </summary>
public sealed class JobLog : IDisposable
{
    private const int LargestBacklog = 2000;
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(30);
    private readonly Lock gate = new();
    private readonly JobStorage storage;
    private readonly JobArchive archive;
    private readonly CancellationTokenSource lost = new(), ended = new();
    private readonly List<JobEvent> newest;
    private readonly List<TaskCompletionSource> flushes = [];
    private JobRecord job, written;
    private bool cancelRequested, urgent, changed;
    private long epoch, folded, last, visible;
    private TaskCompletionSource news = Signal();
    private Task? writing;

    private JobLog(JobStorage storage, JobArchive archive, StoredJob? stored, JobRecord job)
    {
        (this.storage, this.archive, this.job, written) = (storage, archive, job, job);
        newest = [];
        if (stored is not { } state)
            return;
        newest.AddRange(state.Newest);
        (cancelRequested, epoch, folded) = (state.CancelRequested, state.Epoch, state.Sealed);
        last = visible = state.LastSequence;
    }

    /// <summary>Opens a job; null where there is none.</summary>
    /// <param name="records">Where its events are.</param>
    /// <param name="archive">Where its record is when they are lost.</param>
    /// <param name="id">The job.</param>
    /// <param name="created">The job that is being made, if it is.</param>
    /// <exception cref="DataLossException">What is stored of it is damaged.</exception>
    public static async Task<JobLog?> OpenAsync(GrainRecords records, JobArchive archive, string id, JobRecord? created = null)
    {
        var kept = new JobStorage(records, id);
        DataLossException? damage = null;
        try
        {
            if (await kept.OpenAsync() is { } stored)
                return new JobLog(kept, archive, stored, stored.Job);
        }
        catch (DataLossException e)
        {
            damage = e;
        }

        if (await archive.FindAsync(id) is { } archived && archived.Id == id)
            return new JobLog(kept, archive, stored: null, archived);
        if (damage is not null)
            throw new DataLossException($"The record of job {id} is damaged.", damage);
        return created is null ? null : new JobLog(kept, archive, stored: null, created);
    }

    /// <summary>The job as everybody sees it.</summary>
    public JobView View
    {
        get
        {
            lock (gate)
                return new JobView(written, visible);
        }
    }

    /// <summary>Whether the job shall stop.</summary>
    public bool CancelRequested
    {
        get
        {
            lock (gate)
                return cancelRequested;
        }
    }

    /// <summary>Fires when another activation runs the job.</summary>
    public CancellationToken Lost => lost.Token;

    /// <summary>Takes the job over from whoever ran it before.</summary>
    public void Begin()
    {
        lock (gate)
            epoch = Math.Max(epoch + 1, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
    }

    /// <summary>Appends an event. Steps are kept; progress is left out while much of it cannot be written.</summary>
    public void Append(ProgressNote? progress = null, StepNote? step = null)
    {
        lock (gate)
        {
            if (progress is null || last - visible < LargestBacklog)
                Add(new JobEvent(last + 1, DateTimeOffset.UtcNow, progress, step));
        }
    }

    /// <summary>Replaces the job's record and appends that as an event; waits until it is written.</summary>
    /// <exception cref="JobTakenOverException">Another activation runs the job.</exception>
    public async Task RecordAsync(JobRecord now, CancellationToken ct = default)
    {
        if (now.Ended)
            await archive.SaveAsync(now, ct);
        lock (gate)
        {
            job = now;
            Add(new JobEvent(last + 1, DateTimeOffset.UtcNow, Job: now));
        }

        await FlushAsync(ct);
    }

    /// <summary>Notes durably that the job shall stop.</summary>
    public Task RequestCancelAsync()
    {
        lock (gate)
        {
            if (cancelRequested)
                return FlushAsync();
            cancelRequested = changed = true;
        }

        return FlushAsync();
    }

    /// <summary>Waits until everything so far is written.</summary>
    /// <exception cref="JobTakenOverException">Another activation runs the job.</exception>
    /// <exception cref="StoreFullException">The disk is full.</exception>
    public Task FlushAsync(CancellationToken ct = default)
    {
        lock (gate)
        {
            if (lost.IsCancellationRequested)
                return Task.FromException(new JobTakenOverException(job.Id));
            if (visible == last && !changed)
                return Task.CompletedTask;
            var flush = Signal();
            flushes.Add(flush);
            urgent = true;
            Write();
            return flush.Task.WaitAsync(ct);
        }
    }

    /// <summary>Events from a sequence number on; waits for the first one where there is none yet.</summary>
    public async Task<EventPage> ReadAsync(long from, TimeSpan wait, CancellationToken stop)
    {
        Task next;
        long before;
        lock (gate)
        {
            next = news.Task;
            before = folded;
            if (from > visible && written.Ended)
                return new EventPage([], Ended: true);
        }

        if (from <= before)
            return new EventPage(await storage.PageAsync(from), Ended: false);
        lock (gate)
        {
            if (from <= visible)
                return new EventPage([.. newest.Where(e => e.Sequence >= from && e.Sequence <= visible)], written.Ended);
        }

        if (wait > TimeSpan.Zero)
        {
            await next.WaitAsync(wait, stop)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }

        return new EventPage([], Ended: false);
    }

    /// <summary>The workers that unfinished steps were last with, by the steps' keys.</summary>
    public async Task<Dictionary<string, string>> LeftWithAsync()
    {
        var left = new Dictionary<string, string>(StringComparer.Ordinal);
        var next = 1L;
        while (await ReadAsync(next, TimeSpan.Zero, CancellationToken.None) is { Events: { Length: > 0 } events })
        {
            next = events[^1].Sequence + 1;
            foreach (var step in events.Select(e => e.Step).OfType<StepNote>())
            {
                if (step.Done)
                    left.Remove(step.Key);
                else if (step.Worker is { } worker)
                    left[step.Key] = worker;
            }
        }

        return left;
    }

    /// <summary>Removes everything that is stored of the job.</summary>
    public async Task ForgetAsync()
    {
        // The archive first, or it would bring the job back.
        await archive.ForgetAsync(job.Id);
        await storage.RemoveAsync(folded);
    }

    /// <summary>Ends writing; who runs the job has flushed.</summary>
    public void Dispose()
    {
        ended.Cancel();
        lost.Dispose();
        ended.Dispose();
    }

    private void Add(JobEvent e)
    {
        last++;
        newest.Add(e);
        Write();
    }

    private void Write()
    {
        if (writing is null or { IsCompleted: true } && !lost.IsCancellationRequested)
            writing = Task.Run(WriteAsync);
    }

    private async Task WriteAsync()
    {
        var stop = ended.Token;
        while (true)
        {
            StoredJob now;
            TaskCompletionSource[] waiting = [];
            var paced = false;
            try
            {
                if (!urgent)
                    await Task.Delay(Gathering, stop);
                while (!urgent && !paced)
                    paced = await storage.Unhurried.WaitAsync(Gathering, stop);
                lock (gate)
                {
                    waiting = [.. flushes];
                    flushes.Clear();
                    (urgent, changed) = (false, false);
                    now = new StoredJob(job, cancelRequested, epoch, folded, [.. newest]);
                }

                now = await storage.WriteAsync(now, stop);
            }
            catch (Exception e)
            {
                foreach (var flush in waiting)
                    flush.TrySetException(e);
                lock (gate)
                {
                    foreach (var flush in flushes)
                        flush.TrySetException(e);
                    flushes.Clear();
                    writing = null;
                    if (e is JobTakenOverException && !stop.IsCancellationRequested)
                        _ = lost.CancelAsync();
                    return;
                }
            }
            finally
            {
                if (paced)
                    storage.Unhurried.Release();
            }

            bool over;
            TaskCompletionSource told;
            lock (gate)
            {
                newest.RemoveAll(e => e.Sequence <= now.Sealed);
                (folded, visible, written) = (now.Sealed, now.LastSequence, now.Job);
                (told, news) = (news, Signal());
                over = visible == last && !changed && flushes.Count == 0;
                if (over)
                    writing = null;
            }

            told.TrySetResult();
            foreach (var flush in waiting)
                flush.TrySetResult();
            if (over)
                return;
        }
    }

    private static TaskCompletionSource Signal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
