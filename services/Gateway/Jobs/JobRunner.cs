using System.Collections.Concurrent;
using Fewshot.Artifacts;
using Fewshot.Gateway.Grpc;
using Fewshot.Gateway.Queues;
using Fewshot.Gateway.Tenants;
using Fewshot.ServiceDefaults;
using Grpc.Core;

namespace Fewshot.Gateway.Jobs;

/// <summary>
/// Claims jobs and runs their workflows. A job left behind, by this gateway's predecessor or by another that died, is claimed and its workflow
/// run again from the top: steps that are done are instant.
/// </summary>
public sealed partial class JobRunner(
    IJobStore jobs,
    IStepLedger ledger,
    JobWorkflows workflows,
    StageClients stages,
    TenantLimits limits,
    TenantAccess access,
    ClaimKeeper claims,
    PlaceQueues queues,
    GatewayOptions options,
    ErrorTranslator errors,
    GatewayMetrics metrics,
    IHostApplicationLifetime lifetime,
    ILogger<JobRunner> logger) : BackgroundService
{
    private const int BeginAtOnce = 4;
    private readonly ConcurrentDictionary<string, Task> running = new();
    private readonly ConcurrentDictionary<string, CancellationTokenSource> cancels = new();
    private readonly Lazy<PlaceQueue> room = new(() =>
    {
        var queue = queues.Of("jobs");
        queue.SetPlaces([new PlaceView(queues.Gateway, options.ConcurrentJobs, Shared: false)]);
        return queue;
    });

    private readonly SemaphoreSlim beginnings = new(BeginAtOnce);

    /// <summary>Runs a job here unless it runs already, here or elsewhere.</summary>
    public void Ensure(string id)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            return;
        var start = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var run = RunAsync(id, start.Task);
        if (running.TryAdd(id, run))
            start.SetResult();
        else
            start.SetCanceled();
    }

    /// <summary>Stops a job, wherever it runs; at once when it runs here.</summary>
    public async Task CancelAsync(string id)
    {
        if ((await jobs.GetAsync(id)).Ended)
            return;
        await jobs.RequestCancelAsync(id);
        if (!cancels.TryGetValue(id, out var cancel))
        {
            Ensure(id);
            return;
        }

        try
        {
            await cancel.CancelAsync();
        }
        catch (ObjectDisposedException)
        {
            // It was just beginning or ending; the wish is noted, and looked at.
        }
    }

    /// <inheritdoc/>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await Task.WhenAll(running.Values).WaitAsync(cancellationToken).ContinueWith(_ => { }, TaskScheduler.Default);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.ReclaimJobs)
            return;
        try
        {
            // The steps of a job in one process go through the server, which must be up.
            var started = new TaskCompletionSource();
            await using var registration = lifetime.ApplicationStarted.Register(started.SetResult);
            await started.Task.WaitAsync(stoppingToken);
            using var timer = new PeriodicTimer(options.ReclaimInterval);
            do
            {
                await EnsureUnfinishedAsync(stoppingToken);
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    private async Task EnsureUnfinishedAsync(CancellationToken stop)
    {
        try
        {
            foreach (var id in await jobs.UnfinishedAsync(stop))
                Ensure(id);
        }
        catch (StoreUnavailableException e)
        {
            LogJobsNotListed(e);
        }
    }

    private async Task RunAsync(string id, Task first)
    {
        try
        {
            await first;
        }
        catch (OperationCanceledException)
        {
            return;
        }

        try
        {
            var tenant = limits.Named((await jobs.FindAsync(id, lifetime.ApplicationStopping))?.Tenant ?? Tenant.Local.Name);
            await using var ticket = room.Value.Join(tenant.Name, id, only: queues.Gateway, tenant.MaxRunningJobs);
            await TakePlaceAsync(id, ticket);
            await ClaimAndRunAsync(id);
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            LogHandedBack(id);
        }
        catch (LeaseLostException)
        {
            LogTakenOver(id);
        }
        catch (StoreUnavailableException e)
        {
            LogStoreUnavailable(e, id);
        }
        catch (Exception e)
        {
            // The job stays unfinished: the next look for such jobs claims it again.
            LogRunFailed(e, id);
        }
        finally
        {
            running.TryRemove(id, out _);
        }
    }

    /// <summary>Waits for room to run; a job that was cancelled needs none, since it ends at once.</summary>
    private async Task TakePlaceAsync(string id, QueueTicket ticket)
    {
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(lifetime.ApplicationStopping);
        cancels[id] = leave;
        try
        {
            if (!await jobs.IsCancelRequestedAsync(id, leave.Token))
                await ticket.TakeAsync(leave.Token);
        }
        catch (OperationCanceledException) when (!lifetime.ApplicationStopping.IsCancellationRequested)
        {
            // It is cancelled.
        }
        finally
        {
            cancels.TryRemove(id, out _);
        }
    }

    private async Task ClaimAndRunAsync(string id)
    {
        // Were hundreds to begin at once, whoever submits one more would wait for all that they write.
        await beginnings.WaitAsync(lifetime.ApplicationStopping);
        using var beginning = new SemaphorePlace(beginnings);
        if (await ledger.TryAcquireAsync(JobStoreExtensions.ClaimOf(id), Environment.MachineName, lifetime.ApplicationStopping) is not { } claim)
            return;
        await using (claim)
        {
            var job = await jobs.GetAsync(id);
            if (job.Ended)
                return;
            await using var log = await jobs.OpenAsync(id, claim);
            using var cancel = new CancellationTokenSource();
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel.Token, lifetime.ApplicationStopping);
            using var ended = new CancellationTokenSource();
            cancels[id] = cancel;
            var kept = claims.KeepAsync(claim, id, cancel, stop, ended.Token);
            try
            {
                await log.RecordAsync(job = job with { State = JobState.Running, TrialSlots = job.TrialSlots ?? stages.TrialSlots });
                beginning.Dispose();
                LogRunning(id, job.Kind);
                var final = await FinishAsync(new JobRun(job, log, cancel.Token, stop.Token));
                if (final.State == JobState.Succeeded)
                {
                    // What a job made is its tenant's before anybody can ask for it.
                    await log.FlushAsync();
                    await access.GrantAsync(final, CancellationToken.None);
                }

                await log.RecordAsync(final);
                metrics.JobEnded(final.State.ToString().ToLowerInvariant());
                LogEnded(id, final.State, final.StatusMessage);
            }
            catch (OperationCanceledException) when (!cancel.IsCancellationRequested && !lifetime.ApplicationStopping.IsCancellationRequested)
            {
                // Only the loss of the claim has stopped it then.
                throw new LeaseLostException(claim.Key);
            }
            finally
            {
                cancels.TryRemove(id, out _);
                await ended.CancelAsync();
                await kept;
            }
        }
    }

    private async Task<JobRecord> FinishAsync(JobRun run)
    {
        // The host's stopping token fires before the job's, which is linked to it: a call that waits for the host's may end in between.
        bool Stopped() => run.Stop.IsCancellationRequested || lifetime.ApplicationStopping.IsCancellationRequested;
        JobRecord Ended(JobState state) => run.Job with { State = state, EndTime = DateTimeOffset.UtcNow };
        try
        {
            if (await jobs.IsCancelRequestedAsync(run.Job.Id))
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "Unfinished jobs could not be looked for; trying again")]
    private partial void LogJobsNotListed(Exception e);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Job {Id} waits for a store that cannot be reached")]
    private partial void LogStoreUnavailable(Exception e, string id);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Job {Id} was taken over by another gateway")]
    private partial void LogTakenOver(string id);

    [LoggerMessage(Level = LogLevel.Error, Message = "Job {Id} could not be run; trying again")]
    private partial void LogRunFailed(Exception e, string id);

    [LoggerMessage(Level = LogLevel.Error, Message = "Job {Id} failed unexpectedly")]
    private partial void LogUnexpected(Exception e, string id);
}
