using System.Threading.Channels;
using Fewshot.Artifacts;
using Orleans.Runtime;

namespace Fewshot.Gateway.Jobs;

/// <summary>Looks for unfinished jobs that nobody runs: from time to time, and at once when a gateway of the cluster is gone.</summary>
internal sealed partial class JobSweep(
    JobStore jobs, JobExecution execution, OldState old, GatewayOptions options, ISiloStatusOracle silos, IHostApplicationLifetime lifetime,
    ILogger<JobSweep> logger) : BackgroundService, ISiloStatusListener
{
    private const int AtOnce = 16;
    private readonly Channel<bool> changes =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    public void SiloStatusChangeNotification(SiloAddress updatedSilo, SiloStatus status)
    {
        if (status is not (SiloStatus.Joining or SiloStatus.Created))
            changes.Writer.TryWrite(true);
    }

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        // Before anybody asks for jobs.
        if (options is { JobsInMemory: false, Redis: null or "" })
            await TryAsync(old.AdoptAsync, cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    /// <summary>Jobs hand themselves back while the silo, which stops later, can still be asked.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await execution.DrainAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!options.ReclaimJobs)
            return;
        try
        {
            // The steps of a job in one process go through the server, which must be up.
            var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            await using var registration = lifetime.ApplicationStarted.Register(started.SetResult);
            await started.Task.WaitAsync(stoppingToken);
            silos.SubscribeToSiloStatusEvents(this);
            await TryAsync(jobs.RescanAsync, stoppingToken);
            while (true)
            {
                await TryAsync(EnsureUnfinishedAsync, stoppingToken);
                using var wait = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
                wait.CancelAfter(options.ReclaimInterval);
                await ((Task)changes.Reader.WaitToReadAsync(wait.Token).AsTask()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                changes.Reader.TryRead(out _);
                stoppingToken.ThrowIfCancellationRequested();
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    private async Task EnsureUnfinishedAsync(CancellationToken stop) => await Parallel.ForEachAsync(
        await jobs.UnfinishedAsync(stop),
        new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = stop },
        async (id, ct) => await TryAsync(
            async token =>
            {
                if (await jobs.EnsureAsync(id, token))
                    await jobs.EndedAsync(id);
            },
            ct));

    private async Task TryAsync(Func<CancellationToken, Task> work, CancellationToken stop)
    {
        try
        {
            await work(stop);
        }
        catch (IOException e)
        {
            LogNotSwept(e.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Unfinished jobs could not be looked for; trying again: {Reason}")]
    private partial void LogNotSwept(string reason);
}
