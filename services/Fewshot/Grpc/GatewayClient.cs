using System.Runtime.CompilerServices;
using Fewshot.Cli.Output;
using Fewshot.Compression.V1;
using Fewshot.ServiceDefaults;
using Grpc.Core;

namespace Fewshot.Cli.Grpc;

/// <summary>Jobs of a gateway, in this program's own terms.</summary>
internal sealed class GatewayClient
{
    private const int PageSize = 100;
    private static readonly TimeSpan CallTimeout = TimeSpan.FromSeconds(60);

    /// <summary>Without an event for this long the stream is opened again: a peer that rebooted leaves it hanging.</summary>
    private static readonly TimeSpan SilenceLimit = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan ReconnectLimit = TimeSpan.FromSeconds(60);
    private readonly CompressionService.CompressionServiceClient client;
    private readonly string address;
    private readonly Action<string> note;
    private readonly GatewayRetry retry;

    /// <param name="channel">The connection; the caller's.</param>
    /// <param name="address">Where it leads, for messages.</param>
    /// <param name="note">Is told when a gateway that went away is waited for.</param>
    public GatewayClient(ChannelBase channel, string address, Action<string> note)
    {
        (client, this.address, this.note) = (new(channel), address, note);
        retry = new GatewayRetry(address, note);
        Artifacts = new ArtifactTransfer(channel, retry);
    }

    public ArtifactTransfer Artifacts { get; }

    /// <exception cref="CommandException">Nothing answers at the address.</exception>
    public async Task CheckReachableAsync(CancellationToken ct)
    {
        try
        {
            await client.ListJobsAsync(new ListJobsRequest { PageSize = 1 }, deadline: DateTime.UtcNow.AddSeconds(10), cancellationToken: ct);
        }
        catch (RpcException exception) when (exception.StatusCode == StatusCode.Unauthenticated)
        {
            throw CommandException.BadInput($"the gateway at {address} does not know who calls. {exception.Status.Detail}", exception);
        }
        catch (RpcException exception) when (exception.IsUntrusted())
        {
            throw new CommandException(
                ExitCodes.Unavailable, $"no secure connection to the gateway at {address}: is its certificate of an authority that this machine trusts, and of that name? --authority names another", exception);
        }
        catch (RpcException exception) when (IsConnectionLoss(exception.StatusCode) || exception.StatusCode == StatusCode.Unimplemented)
        {
            throw new CommandException(
                ExitCodes.Unavailable, $"no fewshot gateway answers at {address} ({exception.Reason()}); start one with 'fewshot serve' or check --gateway", exception);
        }
    }

    public async Task<JobSummary> StartAsync(JobRequest request, int attempt, CancellationToken ct) =>
        Translate(await retry.AskAsync(token => request.StartAsync(client, attempt, Deadline, token), ct));

    public async Task<JobSummary> GetAsync(string jobId, CancellationToken ct) => Translate((await retry.AskAsync(
        async token => await client.GetJobAsync(new GetJobRequest { JobId = jobId }, deadline: Deadline, cancellationToken: token), ct)).Job);

    // No retry: whoever cancels, often with Ctrl-C, should hear at once when the gateway cannot be reached.
    public async Task<JobSummary> CancelAsync(string jobId, CancellationToken ct) =>
        Translate((await client.CancelJobAsync(new CancelJobRequest { JobId = jobId }, deadline: Deadline, cancellationToken: ct)).Job);

    /// <summary>The newest <paramref name="limit"/> jobs.</summary>
    public async Task<IReadOnlyList<JobSummary>> ListAsync(int limit, CancellationToken ct)
    {
        var jobs = new List<JobSummary>();
        var page = "";
        do
        {
            var request = new ListJobsRequest { PageSize = Math.Min(PageSize, limit - jobs.Count), PageToken = page };
            var response = await retry.AskAsync(async token => await client.ListJobsAsync(request, deadline: Deadline, cancellationToken: token), ct);
            jobs.AddRange(response.Jobs.Select(Translate));
            page = response.NextPageToken;
        }
        while (page.Length > 0 && jobs.Count < limit);
        return jobs;
    }

    /// <summary>A job's events until it has ended. A lost connection is taken up again after the last event seen.</summary>
    /// <exception cref="CommandException">The connection stayed lost.</exception>
    public async IAsyncEnumerable<JobEvent> WatchAsync(string jobId, [EnumeratorCancellation] CancellationToken ct)
    {
        var next = 0L;
        var lostSince = (DateTime?)null;
        while (true)
        {
            using var silence = CancellationTokenSource.CreateLinkedTokenSource(ct);
            silence.CancelAfter(SilenceLimit);
            using var call = client.WatchJob(new WatchJobRequest { JobId = jobId, FromSequence = next }, cancellationToken: silence.Token);
            RpcException? lost = null;
            while (true)
            {
                try
                {
                    if (!await call.ResponseStream.MoveNext(silence.Token)) break;
                }
                catch (RpcException exception) when (IsConnectionLoss(exception.StatusCode) && !ct.IsCancellationRequested)
                {
                    lost = exception;
                    break;
                }
                catch (OperationCanceledException) when (!ct.IsCancellationRequested)
                {
                    break; // silence
                }

                lostSince = null;
                silence.CancelAfter(SilenceLimit);
                var response = call.ResponseStream.Current;
                next = response.Sequence + 1;
                if (Translate(response) is not { } happened) continue;
                yield return happened;
                if (happened is StateNews { Job.HasEnded: true }) yield break;
            }

            ct.ThrowIfCancellationRequested();
            if (lost is null && await EndOf(jobId, next, ct) is { } end)
            {
                yield return end;
                yield break;
            }

            if (lost is not null && lostSince is null) note($"lost the gateway at {address} ({lost.Reason()}); the job goes on, and so does this command when it is back");
            lostSince = lost is null ? null : lostSince ?? DateTime.UtcNow;
            if (DateTime.UtcNow - lostSince > ReconnectLimit)
                throw new CommandException(ExitCodes.Unavailable, $"lost the gateway at {address} ({lost!.Reason()}); 'fewshot watch {jobId}' goes on when it is back", lost);
            if (lost is not null) await Task.Delay(TimeSpan.FromSeconds(1), ct);
        }
    }

    private static DateTime Deadline => DateTime.UtcNow + CallTimeout;

    private static bool IsConnectionLoss(StatusCode code) =>
        code is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Cancelled or StatusCode.Internal or StatusCode.Unknown;

    private async Task<StateNews?> EndOf(string jobId, long next, CancellationToken ct)
    {
        var job = await GetAsync(jobId, ct);
        return job.HasEnded ? new StateNews(next, job) : null;
    }

    private static JobEvent? Translate(WatchJobResponse response) => response.EventCase switch
    {
        WatchJobResponse.EventOneofCase.Progress => new ProgressEvent(
            response.Sequence, response.Progress.Stage, response.Progress.Completed, response.Progress.Total,
            response.Progress.MetricName, response.Progress.Metric, response.Progress.Eta?.ToTimeSpan()),
        WatchJobResponse.EventOneofCase.Step => new StepNews(
            response.Sequence, response.Step.Name, response.Step.Key, response.Step.Done, response.Step.Cached, response.Step.Seconds),
        WatchJobResponse.EventOneofCase.Job => new StateNews(response.Sequence, Translate(response.Job)),
        _ => null,
    };

    private static JobSummary Translate(Job job) => new(
        job.Id,
        job.RequestId,
        job.Kind,
        job.State switch
        {
            JobState.Queued => JobPhase.Queued,
            JobState.Succeeded => JobPhase.Succeeded,
            JobState.Failed => JobPhase.Failed,
            JobState.Cancelled => JobPhase.Cancelled,
            _ => JobPhase.Running,
        },
        job.CreateTime?.ToDateTimeOffset(),
        job.EndTime?.ToDateTimeOffset(),
        job.StatusMessage,
        job.StatusCode,
        job.LastSequence,
        job.Result?.ModelDigest ?? "",
        job.Result?.ReportDigest ?? "",
        job.Result?.ProfileDigest ?? "",
        job.Result?.ImageSetDigest ?? "",
        job.Result?.PreviewDigest ?? "",
        [.. (job.Result?.Models ?? []).Select(model => new TargetModel(model.MacsRatio, model.ModelDigest))]);
}
