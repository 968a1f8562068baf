using Fewshot.Cli.Grpc;
using Fewshot.Cli.Output;
using Grpc.Core;

namespace Fewshot.Cli.Commands;

/// <summary>Starts a job, or finds the one the same command started before, and sees it through to its end.</summary>
internal sealed class JobFlow(GatewayClient gateway, IProgressDisplay display)
{
    private const int MaxAttempts = 1000;
    private static readonly TimeSpan CancelTimeout = TimeSpan.FromSeconds(20);

    /// <returns>The job, succeeded.</returns>
    /// <exception cref="CommandException">The job failed, or somebody cancelled it.</exception>
    /// <exception cref="OperationCanceledException">Interrupted; the job was cancelled and its checkpoints are kept.</exception>
    public async Task<JobSummary> RunAsync(JobRequest request, CancellationToken ct)
    {
        var job = await StartAsync(request, ct);
        if (job.Phase != JobPhase.Succeeded) job = await WatchAsync(job.Id, cancelOnInterrupt: true, ct);
        return Succeeded(job);
    }

    public async Task<JobSummary> WatchAsync(string jobId, bool cancelOnInterrupt, CancellationToken ct)
    {
        try
        {
            await foreach (var happened in gateway.WatchAsync(jobId, ct))
            {
                display.Show(happened);
                if (happened is StateNews { Job: { HasEnded: true } ended }) return ended;
            }
        }
        catch (Exception exception) when (ct.IsCancellationRequested && cancelOnInterrupt && exception is OperationCanceledException or RpcException)
        {
            ct.ThrowIfCancellationRequested();
            throw;
        }
        finally
        {
            if (ct.IsCancellationRequested && cancelOnInterrupt) await CancelAsync(jobId);
        }

        return await gateway.GetAsync(jobId, ct);
    }

    public static JobSummary Succeeded(JobSummary job) => job.Phase switch
    {
        JobPhase.Succeeded => job,
        JobPhase.Cancelled => throw new CommandException(ExitCodes.JobFailed, $"job {job.Id} was cancelled; the same command continues it"),
        _ => throw new CommandException(Failures.OfStatus((StatusCode)job.StatusCode, job.Message), job.Message),
    };

    /// <summary>A job that failed or was cancelled, or whose results are gone, is started again as the next attempt.</summary>
    private async Task<JobSummary> StartAsync(JobRequest request, CancellationToken ct)
    {
        for (var attempt = 1; attempt <= MaxAttempts; attempt++)
        {
            var job = await gateway.StartAsync(request, attempt, ct);
            if (job.Phase is JobPhase.Failed or JobPhase.Cancelled) continue;
            if (job.Phase == JobPhase.Succeeded && !await HasResultsAsync(job, ct)) continue;
            display.Note($"job {job.Id}" + (job.Phase == JobPhase.Succeeded ? ", done before" : ""));
            return job;
        }

        throw new CommandException(ExitCodes.JobFailed, $"this job failed {MaxAttempts} times; clear the state folder or change its settings");
    }

    private async Task<bool> HasResultsAsync(JobSummary job, CancellationToken ct)
    {
        foreach (var digest in (string[])[job.ModelDigest, job.ReportDigest, job.ProfileDigest, job.ImageSetDigest, job.PreviewDigest, .. job.Models.Select(model => model.Digest)])
        {
            if (digest.Length > 0 && !await gateway.Artifacts.ExistsAsync(digest, ct)) return false;
        }

        return true;
    }

    private async Task CancelAsync(string jobId)
    {
        using var limit = new CancellationTokenSource(CancelTimeout);
        try
        {
            await gateway.CancelAsync(jobId, limit.Token);
            await foreach (var happened in gateway.WatchAsync(jobId, limit.Token))
            {
                if (happened is StateNews { Job.HasEnded: true }) return;
            }
        }
        catch (Exception exception) when (exception is RpcException or OperationCanceledException or CommandException)
        {
            display.Note($"job {jobId} could not be cancelled in time; 'fewshot cancel {jobId}' does it");
        }
    }
}
