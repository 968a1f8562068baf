using System.Collections.Concurrent;
using System.Diagnostics;
using Fewshot.Artifacts;
using Fewshot.Gateway.Grpc;
using Fewshot.Gateway.Queues;
using Fewshot.Gateway.Tenants;
using Fewshot.ServiceDefaults;
using Grpc.Core;

namespace Fewshot.Gateway.Jobs;

/// <summary>Runs a job's workflow to its end, for the job's grain.</summary>
public sealed partial class JobExecution(
    JobArchive archive,
    JobStore jobs,
    JobWorkflows workflows,
    StageClients stages,
    TenantLimits limits,
    TenantAccess access,
    PlaceQueues queues,
    GatewayOptions options,
    ErrorTranslator errors,
    GatewayMetrics metrics,
    IHostApplicationLifetime lifetime,
    ILogger<JobExecution> logger) : IDisposable
{
    private const int BeginAtOnce = 4;
    private readonly ConcurrentDictionary<Task, bool> running = new();
    private readonly ConcurrentDictionary<string, long> givenUp = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim beginnings = new(BeginAtOnce);
    private readonly Lazy<PlaceQueue> room = new(() =>
    {
        var queue = queues.Of("jobs");
        queue.SetPlaces([new PlaceView(queues.Gateway, options.ConcurrentJobs, Shared: true)]);
        return queue;
    });

    /// <summary>Runs a job until it ends or is to be left.</summary>
    /// <param name="log">The job.</param>
    /// <param name="cancelled">A user cancelled it: its steps stop too.</param>
    /// <param name="leave">It is handed back: its steps go on.</param>
    /// <returns>Whether another activation of its grain has taken it over.</returns>
    public async Task<bool> RunAsync(JobLog log, CancellationToken cancelled, CancellationToken leave)
    {
        var run = RunUntilLeftAsync(log, cancelled, leave);
        running.TryAdd(run, true);
        try
        {
            return await run;
        }
        finally
        {
            running.TryRemove(run, out _);
        }
    }

    /// <summary>Whether a job was lately given up here because a store could not be reached: another gateway may reach it.</summary>
    public bool HasGivenUp(string id)
    {
        if (!givenUp.TryGetValue(id, out var since))
            return false;
        if (Stopwatch.GetElapsedTime(since) < 2 * options.ReclaimInterval)
            return true;
        givenUp.TryRemove(id, out _);
        return false;
    }

    /// <summary>Waits for the jobs that run here, which have been told to stop.</summary>
    public Task DrainAsync(CancellationToken ct) =>
        Task.WhenAll(running.Keys).WaitAsync(ct).ContinueWith(_ => { }, TaskScheduler.Default);

    /// <inheritdoc/>
    public void Dispose() => beginnings.Dispose();

    private async Task<bool> RunUntilLeftAsync(JobLog log, CancellationToken cancelled, CancellationToken leave)
    {
        var id = log.View.Job.Id;
        using var away = CancellationTokenSource.CreateLinkedTokenSource(leave, log.Lost);
        try
        {
            var tenant = limits.Named(log.View.Job.Tenant);
            await using var ticket = room.Value.Join(tenant.Name, id, tenantLimit: tenant.MaxRunningJobs);
            await TakePlaceAsync(log, ticket, cancelled, away.Token);
            await BeginAsync(log, cancelled, away.Token);
        }
        catch (Exception) when (log.Lost.IsCancellationRequested)
        {
            LogTakenOver(id);
            return true;
        }
        catch (Exception e) when (
            (leave.IsCancellationRequested || lifetime.ApplicationStopping.IsCancellationRequested)
            && e is OperationCanceledException or ObjectDisposedException)
        {
            LogHandedBack(id);
        }
        catch (StoreUnavailableException e)
        {
            givenUp[id] = Stopwatch.GetTimestamp();
            LogStoreUnavailable(id, e.Message);
        }
        catch (Exception e)
        {
            // The job stays unfinished: the next look for such jobs runs it again.
            LogRunFailed(e, id);
        }

        return false;
    }

    /// <summary>Waits for room to run; a job that was cancelled needs none, since it ends at once.</summary>
    private static async Task TakePlaceAsync(JobLog log, QueueTicket ticket, CancellationToken cancelled, CancellationToken leave)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancelled, leave);
        try
        {
            if (!log.CancelRequested)
                await ticket.TakeAsync(stop.Token);
        }
        catch (OperationCanceledException) when (cancelled.IsCancellationRequested && !leave.IsCancellationRequested)
        {
        }
    }

    private async Task BeginAsync(JobLog log, CancellationToken cancelled, CancellationToken leave)
    {
        // Were hundreds to begin at once, whoever submits one more would wait for all that they write.
        await beginnings.WaitAsync(leave);
        using var beginning = new SemaphorePlace(beginnings);
        var job = log.View.Job;
        log.Begin();
        // Its end may be all that a gateway wrote before it died, or that a server still knows.
        if (await archive.FindAsync(job.Id, leave) is { Ended: true } ended)
        {
            await EndAsync(log, ended);
            return;
        }

        var leftWith = await log.LeftWithAsync();
        await log.RecordAsync(job = job with { State = JobState.Running, TrialSlots = job.TrialSlots ?? stages.TrialSlots }, leave);
        beginning.Dispose();
        LogRunning(job.Id, job.Kind);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancelled, leave);
        var final = await FinishAsync(new JobRun(job, log, cancelled, stop.Token) { LeftWith = leftWith });
        if (final.State == JobState.Succeeded)
        {
            // What a job made is its tenant's before anybody can ask for it.
            await log.FlushAsync(leave);
            await access.GrantAsync(final, CancellationToken.None);
        }

        await EndAsync(log, final);
        metrics.JobEnded(final.State.ToString().ToLowerInvariant());
        LogEnded(job.Id, final.State, final.StatusMessage);
    }

    private async Task EndAsync(JobLog log, JobRecord final)
    {
        await log.RecordAsync(final);
        try
        {
            await jobs.EndedAsync(final.Id);
        }
        catch (StoreUnavailableException)
        {
            // The next look for unfinished jobs finds that it has ended.
        }
    }

    private async Task<JobRecord> FinishAsync(JobRun run)
    {
        // The host's stopping token fires before the job's, which is linked to it: a call that waits for the host's may end in between.
        bool Stopped() => run.Stop.IsCancellationRequested || lifetime.ApplicationStopping.IsCancellationRequested;
        JobRecord Ended(JobState state) => run.Job with { State = state, EndTime = DateTimeOffset.UtcNow };
        try
        {
            if (run.Log.CancelRequested)
                return Ended(JobState.Cancelled);
            var result = await workflows.RunAsync(run);
            return Ended(JobState.Succeeded) with { Result = result };
        }
        catch (Exception) when (run.Cancelled.IsCancellationRequested)
        {
            return Ended(JobState.Cancelled);
        }
        catch (Exception e) when (!Stopped() && e is not StoreUnavailableException)
        {
            var error = errors.Translate(e);
            // A cancellation that nobody asked for is as unexpected as an internal error.
            if (error.StatusCode is StatusCode.Internal or StatusCode.Cancelled && e is not RpcException)
                LogUnexpected(e, run.Job.Id);
            return Ended(JobState.Failed) with { StatusCode = (int)error.StatusCode, StatusMessage = error.Status.Detail };
        }
        catch (Exception e) when (e is not OperationCanceledException && Stopped())
        {
            // Whatever broke while this gateway was stopping is no verdict on the job.
            throw new OperationCanceledException("The gateway is stopping.", e);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Id} ({Kind}) runs")]
    private partial void LogRunning(string id, string kind);

    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Id} ended: {State} {Reason}")]
    private partial void LogEnded(string id, JobState state, string reason);

    [LoggerMessage(Level = LogLevel.Information, Message = "Job {Id} is handed back because this gateway is stopping")]
    private partial void LogHandedBack(string id);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Job {Id} waits for a store that cannot be reached: {Reason}")]
    private partial void LogStoreUnavailable(string id, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Job {Id} was taken over by another gateway")]
    private partial void LogTakenOver(string id);

    [LoggerMessage(Level = LogLevel.Error, Message = "Job {Id} could not be run; trying again")]
    private partial void LogRunFailed(Exception e, string id);

    [LoggerMessage(Level = LogLevel.Error, Message = "Job {Id} failed unexpectedly")]
    private partial void LogUnexpected(Exception e, string id);
}
