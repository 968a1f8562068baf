using Fewshot.Artifacts;

namespace Fewshot.Gateway.Jobs;

/// <summary>Collects from time to time, where the options say how long jobs are kept.</summary>
internal sealed partial class CollectionService(ArtifactCollector collector, GatewayOptions options, ILogger<CollectionService> logger) : BackgroundService
{
    private static readonly TimeSpan ShortestGrace = TimeSpan.FromHours(24);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.KeepJobs is not { } keep)
            return;
        var grace = options.StepDeadline > ShortestGrace ? options.StepDeadline : ShortestGrace;
        using var timer = new PeriodicTimer(options.CollectionInterval);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
                await CollectAsync(keep, grace, stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    private async Task CollectAsync(TimeSpan keep, TimeSpan grace, CancellationToken ct)
    {
        try
        {
            var (jobs, artifacts) = await collector.CollectAsync(keep, grace, DateTimeOffset.UtcNow, ct);
            LogCollected(jobs, artifacts);
        }
        catch (IOException e)
        {
            LogNotCollected(e);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Forgot {Jobs} jobs and removed {Artifacts} artifacts that nobody needs")]
    private partial void LogCollected(int jobs, int artifacts);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Artifacts that nobody needs could not be collected; trying again later")]
    private partial void LogNotCollected(Exception e);
}
