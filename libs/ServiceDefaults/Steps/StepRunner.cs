using System.Diagnostics;
using System.Runtime.InteropServices;
using Fewshot.Artifacts;
using Fewshot.Stages.V1;
using Google.Protobuf;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Fewshot.ServiceDefaults;

/// <summary>
/// Runs steps. One found done is not run again; a second call for a running one attaches to it. Where two processes run the same step,
/// the result that is recorded first counts for both. The work has a thread of its own and goes to its end though its callers have gone.
/// </summary>
public sealed partial class StepRunner
{
    private readonly Dictionary<StepKey, RunningStep> running = [];
    private readonly Lock gate = new();
    private readonly IArtifactStore artifacts;
    private readonly HeavyStepGate heavy;
    private readonly FewshotOptions options;
    private readonly StepJournal journal;
    private readonly ILogger<StepRunner> logger;
    private readonly IHostApplicationLifetime? lifetime;
    private bool draining;

    /// <summary>One for each process.</summary>
    public StepRunner(
        IArtifactStore artifacts, StepJournal journal, HeavyStepGate heavy, FewshotOptions options, ILogger<StepRunner> logger,
        IHostApplicationLifetime? lifetime = null)
    {
        this.lifetime = lifetime;
        this.artifacts = artifacts;
        this.heavy = heavy;
        this.options = options;
        this.logger = logger;
        this.journal = journal;
    }

    /// <summary>The result of a step: found or computed.</summary>
    /// <param name="step">The verb.</param>
    /// <param name="request">Digests and parameters; what the key is made of.</param>
    /// <param name="work">Computes the result, synchronously.</param>
    /// <param name="progress">Hears of the work's progress while this call is attached.</param>
    /// <param name="callerGone">Ends this call, not the work.</param>
    /// <exception cref="RetryLaterException">The worker is busy or stopping.</exception>
    /// <exception cref="StepCancelledException">The step was stopped by <see cref="Cancel"/>.</exception>
    public async Task<StepOutcome<TResult>> RunAsync<TResult>(
        StepDefinition step, IMessage request, Func<StepContext, TResult> work, IProgress<StepProgress> progress, CancellationToken callerGone)
        where TResult : class, IMessage<TResult>, new()
    {
        var key = step.KeyOf(request);
        while (true)
        {
            if (await journal.FindAsync(key, callerGone) is { } done)
            {
                Telemetry.StepCached(step.Stage);
                return new StepOutcome<TResult>(StepJournal.Unpack<TResult>(done), key, Cached: true, done.Duration.ToTimeSpan());
            }

            var (mine, attached) = Attach(key, progress, out var isNew);
            try
            {
                if (isNew)
                    _ = Task.Run(() => ExecuteAsync(mine, step, key, context => work(context)), CancellationToken.None);
                if (!attached)
                {
                    // It is stopping at the wish of others: wait for its end, then start it again from its checkpoint.
                    await mine.Ended.WaitAsync(callerGone).ContinueWith(_ => { }, TaskScheduler.Default);
                    callerGone.ThrowIfCancellationRequested();
                    continue;
                }

                var (record, elsewhere) = await mine.Ended.WaitAsync(callerGone);
                return new StepOutcome<TResult>(StepJournal.Unpack<TResult>(record), key, elsewhere, record.Duration.ToTimeSpan());
            }
            finally
            {
                if (attached)
                    mine.Detach(progress);
            }
        }
    }

    /// <summary>Stops a step once no caller is attached to it; false when it is not running here.</summary>
    public bool Cancel(StepKey key)
    {
        RunningStep? step;
        lock (gate)
        {
            if (!running.TryGetValue(key, out step))
                return false;
        }

        step.StopWhenAbandoned();
        return true;
    }

    /// <summary>Admits nothing more, asks what runs to save its checkpoint, and waits for its end.</summary>
    public async Task DrainAsync(CancellationToken ct)
    {
        RunningStep[] steps;
        lock (gate)
        {
            draining = true;
            steps = [.. running.Values];
        }

        foreach (var step in steps)
            step.RequestStop(StopReason.Draining);
        await Task.WhenAll(steps.Select(step => (Task)step.Ended)).WaitAsync(ct).ContinueWith(_ => { }, TaskScheduler.Default);
    }

    private (RunningStep Step, bool Attached) Attach(StepKey key, IProgress<StepProgress> progress, out bool isNew)
    {
        lock (gate)
        {
            if (draining)
                throw Stopping();
            isNew = !running.TryGetValue(key, out var step);
            if (step is null)
                running.Add(key, step = new RunningStep());
            return (step, step.TryAttach(progress));
        }
    }

    private async Task ExecuteAsync(RunningStep run, StepDefinition step, StepKey key, Func<StepContext, IMessage> work)
    {
        using (run)
        {
            try
            {
                var finished = await FinishAsync(run, step, key, work);
                Remove(key);
                run.Complete(finished);
            }
            catch (Exception e)
            {
                var told = e switch
                {
                    OperationCanceledException when run.Reason != StopReason.None => Explain(run.Reason),
                    ExternalException when e.Message.Contains("CUDA error", StringComparison.Ordinal) => EndProcess(e),
                    _ => e,
                };
                LogEnded(step.Stage, key, told.GetType().Name, told.Message);
                Remove(key);
                run.Fail(told);
            }
        }
    }

    private async Task<FinishedStep> FinishAsync(RunningStep run, StepDefinition step, StepKey key, Func<StepContext, IMessage> work)
    {
        using var place = await heavy.EnterAsync(run.Stop);
        // Another worker may have finished it while this one waited for its turn.
        if (await journal.FindAsync(key, run.Stop) is { } done)
            return new FinishedStep(done, RunElsewhere: true);
        using var span = Telemetry.Source.StartActivity(step.Stage);
        span?.SetTag("fewshot.step.key", key.Hex).SetTag("fewshot.step.method", step.Method);
        var started = Stopwatch.GetTimestamp();
        LogStarted(step.Stage, key);
        try
        {
            var context = new StepContext(key, run, artifacts, journal, text => LogWarning(step.Stage, key, text));
            var result = await OwnThread.RunAsync(step.Stage, () => work(context));
            var duration = Stopwatch.GetElapsedTime(started);
            Telemetry.StepSeconds.Record(duration.TotalSeconds, new KeyValuePair<string, object?>("stage", step.Stage));
            LogDone(step.Stage, key, duration.TotalSeconds);
            var record = await CommitAsync(run, key, () => journal.CommitAsync(key, step, result, context.Made, duration));
            return new FinishedStep(record, RunElsewhere: false);
        }
        catch (Exception e)
        {
            span.Failed(e);
            throw;
        }
    }

    /// <summary>
    /// A store that is away for a while must not cost what is done; a worker that has lost it for good must not keep its callers waiting.
    /// </summary>
    private async Task<StepRecord> CommitAsync(RunningStep run, StepKey key, Func<Task<StepRecord>> commit)
    {
        var begun = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return await commit();
            }
            catch (StoreUnavailableException e) when (Stopwatch.GetElapsedTime(begun) < options.StorePatience)
            {
                LogCommit(e, key);
                await Task.Delay(options.RetryAfter, run.Stop);
            }
        }
    }

    private void Remove(StepKey key)
    {
        lock (gate)
            running.Remove(key);
    }

    private Exception Explain(StopReason reason) => reason == StopReason.Draining ? Stopping() : new StepCancelledException();

    /// <summary>After a CUDA error the context is gone and every later step would fail: another process does better.</summary>
    private WorkerFailedException EndProcess(Exception e)
    {
        LogGpuLost(e);
        lifetime?.StopApplication();
        return new WorkerFailedException("The worker's GPU failed; the worker ends.");
    }

    private RetryLaterException Stopping() => new("The worker is stopping.", options.RetryAfter, stopping: true);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Stage} step {Key}: {Text}")]
    private partial void LogWarning(string stage, StepKey key, string text);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Stage} step {Key} started")]
    private partial void LogStarted(string stage, StepKey key);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Stage} step {Key} done in {Seconds:F1} s")]
    private partial void LogDone(string stage, StepKey key, double seconds);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Stage} step {Key} ended without a result: {Kind}: {Reason}")]
    private partial void LogEnded(string stage, StepKey key, string kind, string reason);

    [LoggerMessage(Level = LogLevel.Critical, Message = "CUDA failed; this process ends because its GPU context is gone")]
    private partial void LogGpuLost(Exception e);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The result of step {Key} could not be stored; trying again")]
    private partial void LogCommit(Exception e, StepKey key);
}
