using Fewshot.Artifacts;
using Fewshot.Compression.V1;
using Fewshot.Gateway.Jobs;
using Fewshot.ServiceDefaults;
using Google.Protobuf;
using Grpc.Core;

namespace Fewshot.Gateway.Grpc;

/// <summary>The jobs' service.</summary>
internal sealed class CompressionGrpcService(
    JobStore jobs, JobRunner runner, JobSubmission submission, GatewayOptions options, FewshotOptions defaults, IHostApplicationLifetime lifetime)
    : CompressionService.CompressionServiceBase
{
    public override async Task<StartCompressionResponse> StartCompression(StartCompressionRequest request, ServerCallContext context)
    {
        var plan = CompressionTranslation.ToPlan(request.Spec);
        var job = await submission.SubmitAsync(
            request.RequestId, JobWorkflows.KindOf(plan), request.Spec.ToByteArray(), () => submission.CheckAsync(plan, context.CancellationToken), context.CancellationToken);
        return new StartCompressionResponse { Job = ToProto(job) };
    }

    public override async Task<StartStageResponse> StartStage(StartStageRequest request, ServerCallContext context)
    {
        StageWorkflow.Check(request);
        var body = request.Clone();
        body.RequestId = "";
        var job = await submission.SubmitAsync(
            request.RequestId, StageWorkflow.KindOf(request), body.ToByteArray(),
            () => submission.CheckStoredAsync(StageWorkflow.InputsOf(request), context.CancellationToken), context.CancellationToken);
        return new StartStageResponse { Job = ToProto(job) };
    }

    public override Task<GetJobResponse> GetJob(GetJobRequest request, ServerCallContext context) =>
        Task.FromResult(new GetJobResponse { Job = ToProto(jobs.Get(request.JobId)) });

    public override async Task WatchJob(WatchJobRequest request, IServerStreamWriter<WatchJobResponse> responseStream, ServerCallContext context)
    {
        if (request.FromSequence < 0)
            throw new InvalidFieldException("from_sequence", "must not be negative.");
        _ = jobs.Get(request.JobId);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        var last = Math.Max(0, request.FromSequence - 1);
        try
        {
            await foreach (var e in JobEventLog.FollowAsync(
                jobs.EventsPath(request.JobId), request.FromSequence, () => jobs.Get(request.JobId).Ended, options.WatchHeartbeat, stop.Token))
            {
                await responseStream.WriteAsync(e is null ? new WatchJobResponse { Sequence = last } : e.ToProto());
                last = e?.Sequence ?? last;
            }
        }
        catch (OperationCanceledException) when (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            throw new RetryLaterException("The gateway is stopping; the job continues with the next one.", defaults.RetryAfter, stopping: true);
        }
    }

    public override async Task<CancelJobResponse> CancelJob(CancelJobRequest request, ServerCallContext context)
    {
        await runner.CancelAsync(request.JobId);
        return new CancelJobResponse { Job = ToProto(jobs.Get(request.JobId)) };
    }

    public override Task<ListJobsResponse> ListJobs(ListJobsRequest request, ServerCallContext context)
    {
        var size = Fields.Whole(request.PageSize, "page_size", 1, 500, defaultValue: 50);
        var all = jobs.All();
        // The token is the last job given, so that new jobs do not shift the pages.
        var skip = request.PageToken.Length == 0 ? 0 : 1 + all.Index().FirstOrDefault(job => job.Item.Id == request.PageToken, (-1, null!)).Item1;
        if (request.PageToken.Length > 0 && skip == 0)
            throw new InvalidFieldException("page_token", "is none that ListJobs has given.");
        var page = all.Skip(skip).Take(size).ToArray();
        return Task.FromResult(new ListJobsResponse
        {
            Jobs = { page.Select(ToProto) },
            NextPageToken = skip + page.Length < all.Count ? page[^1].Id : "",
        });
    }

    private Job ToProto(JobRecord job) => job.ToProto(JobEventLog.ReadLastSequence(jobs.EventsPath(job.Id)));
}
