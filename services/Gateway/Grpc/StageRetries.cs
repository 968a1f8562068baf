using System.Globalization;
using Fewshot.Gateway.Tenants;
using Fewshot.ServiceDefaults;
using Grpc.Core;
using Polly;
using Polly.Retry;

namespace Fewshot.Gateway.Grpc;

/// <summary>What a call of a stage failed of.</summary>
internal enum StageCallCause
{
    /// <summary>Nothing that another try would change.</summary>
    None,

    /// <summary>The worker is busy or stopping, and says when to come back.</summary>
    Busy,

    /// <summary>There was no connection; nothing is lost yet.</summary>
    Unreachable,

    /// <summary>The worker was lost, but had gone further than those before it.</summary>
    LostOnTheWay,

    /// <summary>The worker was lost.</summary>
    Lost,

    /// <summary>What may pass.</summary>
    Transient,
}

/// <summary>A worker was lost, but it had gone further than those before it: with its checkpoint the step comes to its end.</summary>
internal sealed class LostOnTheWayException(RpcException lost) : Exception(lost.Reason(), lost);

/// <summary>How often calls of stages are repeated, by the cause of their failure.</summary>
internal sealed partial class StageRetries(GatewayOptions options, ILogger<StageRetries> logger)
{
    /// <summary>The cause of a failure.</summary>
    public static StageCallCause CauseOf(Exception? e) => e is not RpcException rpc
        ? e is LostOnTheWayException ? StageCallCause.LostOnTheWay : StageCallCause.None
        : rpc.StatusCode switch
        {
            StatusCode.ResourceExhausted or StatusCode.Unavailable when rpc.Trailers.GetValue(ErrorTranslator.RetryAfterTrailer) is not null => StageCallCause.Busy,
            // A worker that restarts has lost nothing yet.
            _ when rpc.NeverConnected() => StageCallCause.Unreachable,
            StatusCode.Unavailable => StageCallCause.Lost,
            // CANCELLED is not this job's doing here: another caller's step was just ending.
            StatusCode.Internal or StatusCode.Unknown or StatusCode.DeadlineExceeded or StatusCode.Cancelled => StageCallCause.Transient,
            _ => StageCallCause.None,
        };

    /// <summary>A pipeline that repeats a call.</summary>
    /// <param name="reconnects">How often where there is no connection.</param>
    public ResiliencePipeline Build(int reconnects)
    {
        var builder = new ResiliencePipelineBuilder()
            .AddRetry(RetryOf(StageCallCause.Lost, StepAdmission.Budget - 1, options.RetryPause, DelayBackoffType.Exponential))
            .AddRetry(RetryOf(StageCallCause.LostOnTheWay, int.MaxValue, options.RetryPause, DelayBackoffType.Constant))
            .AddRetry(RetryOf(StageCallCause.Transient, StepAdmission.Budget, options.RetryPause, DelayBackoffType.Exponential))
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = args => ValueTask.FromResult(CauseOf(args.Outcome.Exception) == StageCallCause.Busy),
                MaxRetryAttempts = int.MaxValue,
                DelayGenerator = args => ValueTask.FromResult<TimeSpan?>(RetryAfter((RpcException)args.Outcome.Exception!)),
            });
        return (reconnects == 0 ? builder : builder.AddRetry(RetryOf(StageCallCause.Unreachable, reconnects, options.ReconnectPause, DelayBackoffType.Constant))).Build();
    }

    private RetryStrategyOptions RetryOf(StageCallCause cause, int attempts, TimeSpan pause, DelayBackoffType backoff) => new()
    {
        ShouldHandle = args => ValueTask.FromResult(CauseOf(args.Outcome.Exception) == cause),
        MaxRetryAttempts = attempts,
        Delay = pause,
        BackoffType = backoff,
        UseJitter = true,
        OnRetry = args =>
        {
            LogRetry(cause, args.AttemptNumber + 1, args.Outcome.Exception is RpcException e ? e.Reason() : args.Outcome.Exception?.Message ?? "");
            return ValueTask.CompletedTask;
        },
    };

    private static TimeSpan RetryAfter(RpcException e) =>
        long.TryParse(e.Trailers.GetValue(ErrorTranslator.RetryAfterTrailer), CultureInfo.InvariantCulture, out var milliseconds)
            ? TimeSpan.FromMilliseconds(Math.Clamp(milliseconds, 1, 60_000))
            : TimeSpan.FromSeconds(1);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Cause} stage call, attempt {Attempt} failed: {Detail}")]
    private partial void LogRetry(StageCallCause cause, int attempt, string detail);
}
