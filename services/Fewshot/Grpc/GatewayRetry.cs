using Fewshot.ServiceDefaults;
using Grpc.Core;
using Polly;
using Polly.Retry;

namespace Fewshot.Cli.Grpc;

/// <summary>Repeats calls while a gateway restarts or is replaced by another one. Each may be repeated: jobs and artifacts go by what they are.</summary>
/// <param name="address">Of the gateway, for the note.</param>
/// <param name="note">Is told once for each call that has to wait.</param>
internal sealed class GatewayRetry(string address, Action<string> note)
{
    private const int Attempts = 60;
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly ResiliencePipeline pipeline = new ResiliencePipelineBuilder().AddRetry(new RetryStrategyOptions
    {
        ShouldHandle = args => ValueTask.FromResult(args.Outcome.Exception is RpcException { StatusCode: StatusCode.Unavailable }),
        MaxRetryAttempts = Attempts,
        Delay = Pause,
        BackoffType = DelayBackoffType.Constant,
        OnRetry = args =>
        {
            if (args.AttemptNumber == 0)
                note($"the gateway at {address} is away ({((RpcException)args.Outcome.Exception!).Reason()}); trying again for {Attempts * Pause.TotalSeconds:F0} s");
            return ValueTask.CompletedTask;
        },
    }).Build();

    public async Task<T> AskAsync<T>(Func<CancellationToken, Task<T>> call, CancellationToken ct) => await pipeline.ExecuteAsync(async token => await call(token), ct);
}
