using Fewshot.Stages.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Fewshot.ServiceDefaults;

/// <summary>A stage verb's answer: progress while the step runs, then exactly one result.</summary>
public static class StepServing
{
    /// <summary>Runs a step and streams it to one caller.</summary>
    /// <param name="steps">The process's steps.</param>
    /// <param name="step">The verb.</param>
    /// <param name="request">The request as it came.</param>
    /// <param name="work">Computes the result.</param>
    /// <param name="respond">Wraps progress or result (the other is null) in the verb's response.</param>
    /// <param name="responses">The stream.</param>
    /// <param name="options">Heartbeat and interval.</param>
    /// <param name="call">The call.</param>
    public static async Task ServeAsync<TResult, TResponse>(
        this StepRunner steps,
        StepDefinition step,
        IMessage request,
        Func<StepContext, TResult> work,
        Func<StepInfo, Progress?, TResult?, TResponse> respond,
        IServerStreamWriter<TResponse> responses,
        FewshotOptions options,
        ServerCallContext call)
        where TResult : class, IMessage<TResult>, new()
    {
        using var pump = new ProgressPump(step.Stage, options);
        var info = new StepInfo { Key = step.KeyOf(request).Hex };
        using var gone = CancellationTokenSource.CreateLinkedTokenSource(call.CancellationToken);
        var running = steps.RunAsync(step, request, work, pump, gone.Token);
        try
        {
            await pump.PumpAsync(running, progress => responses.WriteAsync(respond(info, progress, null)));
        }
        finally
        {
            // The stream may have broken: then this call leaves the step, which goes on.
            if (!running.IsCompleted)
                await gone.CancelAsync();
        }

        var outcome = await running;
        (info.Cached, info.Seconds) = (outcome.Cached, outcome.Duration.TotalSeconds);
        await responses.WriteAsync(respond(info, null, outcome.Result));
    }
}
