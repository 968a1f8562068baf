using System.Diagnostics;
using Fewshot.Artifacts;
using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Queues;
using Fewshot.Gateway.Tenants;
using Fewshot.Gateway.Workflows;
using Fewshot.ServiceDefaults;
using Fewshot.Stages.V1;
using Google.Protobuf;
using Grpc.Core;
using Polly;

namespace Fewshot.Gateway.Grpc;

/// <summary>What a stage verb's message holds: one of progress and result.</summary>
internal readonly record struct StageMessage<TResult>(StepInfo? Step, Progress? Progress, TResult? Result)
    where TResult : class;

/// <summary>
/// Calls stages. A worker's messages are its heartbeat; retries are counted by cause: being sent away by a busy or stopping worker costs
/// nothing, one that cannot be reached is waited for, a lost worker costs one of three unless its attempt went further than those before, a transient
/// error one of three, anything else ends the step.
/// </summary>
internal sealed partial class StageCaller
{
    private readonly GatewayOptions options;
    private readonly StepJournal journal;
    private readonly StepAdmission admission;
    private readonly PlaceQueues queues;
    private readonly GatewayMetrics metrics;
    private readonly ILogger<StageCaller> logger;
    private readonly ResiliencePipeline steps, answers, impatient;

    public StageCaller(
        GatewayOptions options, StepJournal journal, StepAdmission admission, PlaceQueues queues, GatewayMetrics metrics, StageRetries retries,
        ILogger<StageCaller> logger)
    {
        this.queues = queues;
        this.metrics = metrics;
        this.admission = admission;
        this.options = options;
        this.journal = journal;
        this.logger = logger;
        // For a step the slots say when patience is at an end: its next attempt may go to another worker.
        steps = retries.Build(reconnects: int.MaxValue);
        answers = retries.Build(reconnects: (int)(options.WorkerPatience / options.ReconnectPause));
        impatient = retries.Build(reconnects: 0);
    }

    /// <summary>A call that answers at once; whether it waits for a worker that cannot be reached is the caller's choice.</summary>
    public async Task<T> AskAsync<T>(
        WorkerSlots workers, Func<CallInvoker, CallOptions, AsyncUnaryCall<T>> call, CancellationToken stop, bool patient = true)
    {
        // A stage that has scaled to zero gets a worker for a question, too; without one nobody would come to answer it.
        await using var needed = patient ? workers.Join(Tenant.Local.Name, job: "") : null;
        return await (patient ? answers : impatient).ExecuteAsync(
            async token =>
            {
                using var asked = call(workers.Any(), new CallOptions(deadline: DateTime.UtcNow + options.UnaryDeadline, cancellationToken: token));
                try
                {
                    return await asked;
                }
                catch (RpcException e) when (e.StatusCode == StatusCode.Unauthenticated)
                {
                    throw Refused(e);
                }
                catch (RpcException e) when (e.StatusCode != StatusCode.Unavailable && e.NeverConnected())
                {
                    // A failed TLS handshake is INTERNAL to gRPC; for a job it is a worker that cannot be reached.
                    throw new RpcException(new Status(StatusCode.Unavailable, e.Reason(), e.Status.DebugException));
                }
            },
            stop);
    }

    /// <summary>Runs a step of a job to its result; one that is done needs no worker.</summary>
    /// <param name="workers">Who can run it.</param>
    /// <param name="definition">The verb.</param>
    /// <param name="request">What the step's key is made of.</param>
    /// <param name="name">The step's name within the job.</param>
    /// <param name="run">The job.</param>
    /// <param name="call">Starts the stream.</param>
    /// <param name="open">Reads a message.</param>
    /// <param name="progress">Hears of progress.</param>
    /// <param name="stop">Ends the waiting; the step itself is stopped only where the job was cancelled.</param>
    public async Task<StepResult<TResult>> RunAsync<TResponse, TResult>(
        WorkerSlots workers,
        StepDefinition definition,
        IMessage request,
        string name,
        JobRun run,
        Func<CallInvoker, CallOptions, AsyncServerStreamingCall<TResponse>> call,
        Func<TResponse, StageMessage<TResult>> open,
        Action<Progress> progress,
        CancellationToken stop)
        where TResult : class, IMessage<TResult>, new()
    {
        var key = definition.KeyOf(request);
        using var span = Telemetry.Source.StartActivity(name);
        span?.SetTag("fewshot.step.key", key.Hex).SetTag("fewshot.job.id", run.Job.Id);
        var result = await FindAsync() ?? await InTurnAsync();
        span?.SetTag("fewshot.step.cached", result.Cached);
        run.StepEnded(name, key.Hex, result.Cached, result.Seconds);
        return result;

        async Task<StepResult<TResult>?> FindAsync()
        {
            if (await journal.FindAsync(key, stop) is not { } record)
                return null;
            Telemetry.StepCached(definition.Stage);
            return new StepResult<TResult>(StepJournal.Unpack<TResult>(record), name, key.Hex, Cached: true, record.Duration.ToTimeSpan().TotalSeconds);
        }

        async Task<StepResult<TResult>> InTurnAsync()
        {
            await using var turn = queues.Of("steps/" + key.Hex[0]).JoinAlone(run.Job.Tenant, run.Job.Id, key.Hex);
            await turn.TakeAsync(stop);
            // Whoever had it before has done it, or left it.
            return await FindAsync() ?? await AskWorkersAsync();
        }

        async Task<StepResult<TResult>> AskWorkersAsync()
        {
            CallInvoker? asked = null;
            string? noted = null;
            long? furthest = null;
            var (tenant, inputs, lost) = (run.Job.Tenant, StepAdmission.InputsOf(definition.Method, request), "");
            var before = await admission.CheckAsync(tenant, inputs, name, stop);
            var losses = before;
            await using var ticket = workers.Join(tenant, run.Job.Id);
            var back = run.LeftWith.TryGetValue(key.Hex, out var leftWith) ? workers.Rejoin(tenant, run.Job.Id, leftWith) : null;
            await using var rejoined = back;
            try
            {
                var done = await steps.ExecuteAsync(
                    async token =>
                    {
                        await using var slot = await workers.TakeBackAsync(back, token) ?? await workers.TakeAsync(ticket, token);
                        back = null;
                        // Another step may have lost workers meanwhile.
                        await admission.CheckAsync(tenant, inputs, name, token);
                        if (noted is null)
                            run.StepStarted(name, key.Hex, noted = slot.Name);
                        asked = slot.Invoker;
                        var (already, reached, begun) = (furthest, 0L, Stopwatch.GetTimestamp());
                        try
                        {
                            return await AttemptAsync(
                                slot, name, key, call, open,
                                () =>
                                {
                                    // The worker that was asked first may have been busy.
                                    if (noted != slot.Name)
                                        run.StepStarted(name, key.Hex, noted = slot.Name);
                                },
                                made =>
                                {
                                    reached = made.Completed;
                                    progress(made);
                                },
                                token);
                        }
                        catch (RpcException e) when (StageRetries.CauseOf(e) == StageCallCause.Lost && !stop.IsCancellationRequested)
                        {
                            metrics.WorkerLost(definition.Stage);
                            if (reached > already)
                                throw new LostOnTheWayException(e);
                            lost = e.Reason();
                            if (++losses >= StepAdmission.Budget)
                                throw new PoisonStepException($"Step {name} lost its worker {StepAdmission.Budget} times and is given up; last: {lost}");
                            throw;
                        }
                        finally
                        {
                            furthest = Math.Max(furthest ?? 0, reached);
                            await admission.SpentAsync(tenant, Stopwatch.GetElapsedTime(begun));
                        }
                    },
                    stop);
                losses = 0;
                return done;
            }
            catch (Exception) when (run.Cancelled.IsCancellationRequested && asked is not null)
            {
                await CancelStepAsync(asked, key);
                throw;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Unauthenticated)
            {
                throw Refused(e);
            }
            finally
            {
                // Also when the job is cancelled: the next one starts with what is left of the budget.
                if (losses != before)
                    await admission.NoteAsync(tenant, inputs, losses, lost);
            }
        }
    }

    private async Task<StepResult<TResult>> AttemptAsync<TResponse, TResult>(
        WorkerSlots.Slot slot,
        string name,
        StepKey key,
        Func<CallInvoker, CallOptions, AsyncServerStreamingCall<TResponse>> call,
        Func<TResponse, StageMessage<TResult>> open,
        Action heard,
        Action<Progress> progress,
        CancellationToken stop)
        where TResult : class
    {
        using var standstill = new SilenceWatch(options.StepPatience, stop);
        using var silence = new SilenceWatch(options.WorkerSilence, standstill.Token);
        using var stream = call(slot.Invoker, new CallOptions(deadline: DateTime.UtcNow + options.StepDeadline, cancellationToken: silence.Token));
        StepResult<TResult>? result = null;
        (string Stage, long Completed)? before = null;
        try
        {
            while (await stream.ResponseStream.MoveNext(silence.Token))
            {
                silence.Heard();
                slot.Reached();
                heard();
                var message = open(stream.ResponseStream.Current);
                if (message.Progress is { } made)
                {
                    // The same again is only a heartbeat.
                    if (before != (made.Stage, made.Completed))
                        standstill.Heard();
                    before = (made.Stage, made.Completed);
                    // Without a total the worker waits for another one.
                    if (made.Total > 0 || made.Completed == 0)
                        progress(made);
                }

                if (message.Result is { } last)
                    result = new(last, name, key.Hex, message.Step?.Cached ?? false, message.Step?.Seconds ?? 0);
            }
        }
        catch (Exception e) when (!stop.IsCancellationRequested && silence.Token.IsCancellationRequested && e is RpcException or OperationCanceledException)
        {
            throw new RpcException(new Status(StatusCode.Unavailable, standstill.Token.IsCancellationRequested
                ? $"The worker made no progress for {options.StepPatience.TotalSeconds} s (Gateway:StepPatience)."
                : $"The worker was silent for {options.WorkerSilence.TotalSeconds} s."));
        }
        catch (RpcException) when (stop.IsCancellationRequested)
        {
            throw new OperationCanceledException(stop);
        }
        catch (RpcException e) when (StageRetries.CauseOf(e) == StageCallCause.Unreachable)
        {
            if (await slot.UnreachedAsync(options.ReconnectPause) > options.WorkerPatience)
                throw new NoWorkerException(name, options.WorkerPatience, e);
            throw;
        }

        return result ?? throw new RpcException(new Status(StatusCode.Unknown, "The stage's stream ended without a result."));
    }

    /// <summary>The caller's own token is good; it is the gateway that lacks one.</summary>
    private PreconditionException Refused(RpcException e)
    {
        LogRefused(e.Status.Detail);
        return new PreconditionException("A worker does not know this gateway: its operator sets Gateway:WorkerTokenFile or Gateway:WorkerCertificate.");
    }

    private async Task CancelStepAsync(CallInvoker worker, StepKey key)
    {
        try
        {
            await new StepService.StepServiceClient(worker).CancelStepAsync(new CancelStepRequest { StepKey = key.Hex }, deadline: DateTime.UtcNow.AddSeconds(5));
        }
        catch (RpcException e)
        {
            // The worker is gone or has no such service: nothing runs, or it runs to its end, which harms nobody.
            LogNotCancelled(key, e.StatusCode);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "A worker refuses this gateway: {Detail}")]
    private partial void LogRefused(string detail);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Step {Key} could not be cancelled: {Code}")]
    private partial void LogNotCancelled(StepKey key, StatusCode code);
}
