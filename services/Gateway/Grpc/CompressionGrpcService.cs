using Fewshot.Compression.V1;
using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Tenants;
using Fewshot.ServiceDefaults;
using Google.Protobuf;
using Grpc.Core;

namespace Fewshot.Gateway.Grpc;

/// <summary>The jobs' service.</summary>
internal sealed class CompressionGrpcService(
    JobStore jobs, JobSubmission submission, TenantAccess access, WatchedStreams streams, GatewayOptions options, FewshotOptions defaults,
    IHostApplicationLifetime lifetime)
    : CompressionService.CompressionServiceBase
{
    public override async Task<StartCompressionResponse> StartCompression(StartCompressionRequest request, ServerCallContext context)
    {
        RequestLimits.Check(request);
        var (tenant, plan, ct) = (access.Of(context), CompressionTranslation.ToPlan(request.Spec), context.CancellationToken);
        var job = await submission.SubmitAsync(tenant, request.RequestId, JobWorkflows.KindOf(plan), request.Spec.ToByteArray(), CheckAsync, ct);
        await access.GrantAgainAsync(job.Job, ct);
        return new StartCompressionResponse { Job = job.ToProto() };

        async Task CheckAsync()
        {
            await access.CheckAsync(tenant, request, ct);
            await submission.CheckAsync(plan, ct);
        }
    }

    public override async Task<StartStageResponse> StartStage(StartStageRequest request, ServerCallContext context)
    {
        RequestLimits.Check(request);
        StageWorkflow.Check(request);
        var (tenant, ct) = (access.Of(context), context.CancellationToken);
        var body = request.Clone();
        body.RequestId = "";
        var job = await submission.SubmitAsync(tenant, request.RequestId, StageWorkflow.KindOf(request), body.ToByteArray(), CheckAsync, ct);
        await access.GrantAgainAsync(job.Job, ct);
        return new StartStageResponse { Job = job.ToProto() };

        async Task CheckAsync()
        {
            await access.CheckAsync(tenant, request, ct);
            await submission.CheckStoredAsync(StageWorkflow.InputsOf(request), ct);
        }
    }

    public override async Task<GetJobResponse> GetJob(GetJobRequest request, ServerCallContext context) =>
        new() { Job = (await access.JobAsync(access.Of(context), request.JobId, context.CancellationToken)).ToProto() };

    public override async Task WatchJob(WatchJobRequest request, IServerStreamWriter<WatchJobResponse> responseStream, ServerCallContext context)
    {
        if (request.FromSequence < 0)
            throw new InvalidFieldException("from_sequence", "must not be negative.");
        var tenant = access.Of(context);
        _ = await access.JobAsync(tenant, request.JobId, context.CancellationToken);
        await using var open = await streams.OpenAsync(tenant, context.CancellationToken);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        var last = Math.Max(0, request.FromSequence - 1);
        try
        {
            await foreach (var e in jobs.FollowAsync(request.JobId, request.FromSequence, options.WatchHeartbeat, stop.Token))
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
        _ = await access.JobAsync(access.Of(context), request.JobId, context.CancellationToken);
        await jobs.CancelAsync(request.JobId, context.CancellationToken);
        return new CancelJobResponse { Job = (await jobs.GetAsync(request.JobId)).ToProto() };
    }

    public override async Task<ListJobsResponse> ListJobs(ListJobsRequest request, ServerCallContext context)
    {
        var size = Fields.Whole(request.PageSize, "page_size", 1, 500, defaultValue: 50);
        var tenant = access.Of(context);
        var page = await jobs.ListAsync(request.PageToken.Length == 0 ? null : request.PageToken, size + 1, access.SeesAll ? null : tenant.Name, context.CancellationToken)
            ?? throw new InvalidFieldException("page_token", "is none that ListJobs has given.");
        return new ListJobsResponse
        {
            Jobs = { page.Take(size).Select(job => job.ToProto()) },
            NextPageToken = page.Count > size ? page[size - 1].Job.Id : "",
        };
    }
}
