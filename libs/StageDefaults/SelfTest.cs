using Fewshot.Compute;
using Fewshot.ServiceDefaults;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Logging;
using static TorchSharp.torch;

namespace Fewshot.StageDefaults;

/// <summary>
/// Multiplies two small matrices on the device that <see cref="FewshotOptions.SelfTestDevice"/> names, before the worker is given its first
/// step. Without that, a worker with a broken GPU or libtorch would take one step after the other and fail them all.
/// </summary>
public sealed partial class SelfTest(FewshotOptions options, ILogger<SelfTest> logger) : IHealthCheck
{
    private const int Side = 64;
    private readonly Lock gate = new();
    private Task<HealthCheckResult>? answer;

    /// <inheritdoc/>
    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        if (string.IsNullOrEmpty(options.SelfTestDevice))
            return Task.FromResult(HealthCheckResult.Healthy());
        lock (gate)
        {
            // What has passed is not repeated: by then a step may be using the device.
            if (answer is null or { IsCompletedSuccessfully: true, Result.Status: not HealthStatus.Healthy })
                answer = Task.Run(Compute, CancellationToken.None);
            return answer.WaitAsync(cancellationToken);
        }
    }

    private HealthCheckResult Compute()
    {
        try
        {
            Libtorch.Load();
            var onCuda = options.SelfTestDevice == "cuda";
            if (onCuda && !cuda.is_available())
                return Failed("libtorch finds no usable CUDA device");
            using var scope = NewDisposeScope();
            var matrix = ones([Side, Side], device: onCuda ? CUDA : CPU);
            var sum = matrix.matmul(matrix).sum().item<float>();
            return sum == Side * Side * Side ? HealthCheckResult.Healthy() : Failed($"the product is wrong, its sum is {sum}");
        }
        catch (Exception e)
        {
            return Failed(e.Message);
        }
    }

    private HealthCheckResult Failed(string reason)
    {
        LogFailed(options.SelfTestDevice!, reason.Split('\n')[0]);
        return HealthCheckResult.Unhealthy("The self-test failed; see the log.");
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The self-test on {Device} failed: {Reason}")]
    private partial void LogFailed(string device, string reason);
}
