using Fewshot.Artifacts;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Jobs;

/// <summary>Keeps this gateway's claim on a job while it runs here.</summary>
public sealed partial class ClaimKeeper(IJobStore jobs, GatewayOptions options, FewshotOptions defaults, ILogger<ClaimKeeper> logger)
{
    /// <summary>Renews the claim, and looks whether the job is to be cancelled, until told that it has ended.</summary>
    /// <param name="claim">On the job.</param>
    /// <param name="id">The job.</param>
    /// <param name="cancel">Is cancelled when somebody wants the job stopped.</param>
    /// <param name="stop">Is cancelled when the claim is lost.</param>
    /// <param name="ended">The job has ended here.</param>
    public async Task KeepAsync(IStepLease claim, string id, CancellationTokenSource cancel, CancellationTokenSource stop, CancellationToken ended)
    {
        var renewed = System.Diagnostics.Stopwatch.StartNew();
        using var timer = new PeriodicTimer(options.CancelPoll);
        while (!ended.IsCancellationRequested)
        {
            try
            {
                await timer.WaitForNextTickAsync(ended);
                if (await jobs.IsCancelRequestedAsync(id, ended))
                    await cancel.CancelAsync();
                if (renewed.Elapsed < defaults.LeaseRenewal)
                    continue;
                await claim.RenewAsync(ended);
                renewed.Restart();
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (LeaseLostException)
            {
                // Another gateway runs the job now; its steps are the same, so nothing is lost.
                await stop.CancelAsync();
                return;
            }
            catch (IOException e)
            {
                LogClaimNotRenewed(e, id);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The claim on job {Id} could not be renewed; trying again")]
    private partial void LogClaimNotRenewed(Exception e, string id);
}
