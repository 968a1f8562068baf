using System.Threading.Channels;
using Fewshot.Artifacts;
using Fewshot.Artifacts.Redis;
using StackExchange.Redis;

namespace Fewshot.Gateway.Jobs;

/// <summary>
/// Writes a job's events to Redis, in order and in batches, in the background: who reports progress does not wait for a server. Events are
/// numbered here, by the only writer, so that a batch that was written unheard is not written twice.
/// </summary>
internal sealed class RedisJobWriter : IJobWriter
{
    private const int LargestBatch = 128, LargestBacklog = 2000;
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500), Farewell = TimeSpan.FromSeconds(5);
    private readonly Channel<object> queue = Channel.CreateUnbounded<object>();
    private readonly CancellationTokenSource end = new();
    private readonly Lock gate = new();
    private readonly RedisServer server;
    private readonly string id;
    private readonly RedisStepLease claim;
    private readonly JobArchive archive;
    private readonly Task writing;
    private long last;
    private bool lost;

    public RedisJobWriter(RedisServer server, JobArchive archive, string id, RedisStepLease claim, long last)
    {
        (this.server, this.archive, this.id, this.claim, this.last) = (server, archive, id, claim, last);
        writing = Task.Run(WriteAsync);
    }

    public void Append(ProgressNote? progress = null, StepNote? step = null)
    {
        if (progress is null || queue.Reader.Count < LargestBacklog)
            Enqueue(progress, step, job: null);
    }

    public async Task RecordAsync(JobRecord job, CancellationToken ct = default)
    {
        if (job.Ended)
            await archive.SaveAsync(job, ct);
        Enqueue(progress: null, step: null, job);
        await FlushAsync(ct);
    }

    public Task FlushAsync(CancellationToken ct = default)
    {
        var flushed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!queue.Writer.TryWrite(flushed))
            flushed.SetCanceled(CancellationToken.None);
        return flushed.Task.WaitAsync(ct);
    }

    public async ValueTask DisposeAsync()
    {
        queue.Writer.TryComplete();
        end.CancelAfter(Farewell);
        await writing.ContinueWith(_ => { }, TaskScheduler.Default);
        end.Dispose();
    }

    private void Enqueue(ProgressNote? progress, StepNote? step, JobRecord? job)
    {
        lock (gate)
            queue.Writer.TryWrite(new JobEvent(++last, DateTimeOffset.UtcNow, progress, step, job));
    }

    private async Task WriteAsync()
    {
        var (batch, waiting) = (new List<JobEvent>(), new List<TaskCompletionSource>());
        try
        {
            while (await queue.Reader.WaitToReadAsync(end.Token))
            {
                // A record goes with its event, the last of a batch.
                while (batch.Count < LargestBatch && batch is not [.., { Job: not null }] && queue.Reader.TryRead(out var item))
                {
                    if (item is JobEvent e)
                        batch.Add(e);
                    else
                        waiting.Add((TaskCompletionSource)item);
                }

                if (batch.Count > 0 && !lost)
                    await SendAsync(batch);
                waiting.ForEach(Answer);
                batch.Clear();
                waiting.Clear();
            }
        }
        catch (OperationCanceledException)
        {
            waiting.ForEach(flush => flush.TrySetCanceled());
        }
        catch (Exception e)
        {
            waiting.ForEach(flush => flush.TrySetException(e));
            throw;
        }
    }

    private async Task SendAsync(List<JobEvent> batch)
    {
        var record = batch[^1].Job;
        RedisValue[] values =
        [
            claim.Fence.Attempt, claim.Fence.Epoch, batch[0].Sequence, id, RedisServer.Prefix + RedisJobScripts.Channel,
            record is null ? RedisValue.EmptyString : JobJson.Write(record), record?.CreateTime.ToUnixTimeMilliseconds() ?? 0, record is { Ended: true } ? 1 : 0,
            .. batch.Select(e => (RedisValue)JobJson.Write(e)),
        ];
        while (true)
        {
            try
            {
                lost = (await server.EvaluateAsync(RedisJobScripts.Append, [claim.Fence.Key, .. RedisJobStore.KeysOf(id, record?.Tenant ?? ServiceDefaults.Tenant.Local.Name)], values, ct: end.Token)).IsNull;
                return;
            }
            catch (Exception e) when (e is StoreUnavailableException or StoreFullException)
            {
                await Task.Delay(Pause, end.Token);
            }
        }
    }

    private void Answer(TaskCompletionSource flush)
    {
        if (lost)
            flush.TrySetException(new LeaseLostException(claim.Key));
        else
            flush.TrySetResult();
    }
}
