using System.Diagnostics;
using Fewshot.ServiceDefaults;
using Fewshot.Synthesis.V1;
using Grpc.Core;

namespace Fewshot.ImageSynthesizer.Grpc;

/// <summary>Makes images out of a network.</summary>
internal sealed class ImageSynthesizerGrpcService(StepRunner steps, SetJoining joining, FewshotOptions options) : ImageSynthesizerService.ImageSynthesizerServiceBase
{
    public override Task Synthesize(SynthesizeRequest request, IServerStreamWriter<SynthesizeResponse> responseStream, ServerCallContext context)
    {
        var job = request.ToJob();
        return steps.ServeAsync(
            StageSteps.Synthesize,
            request,
            step => Run(step, request, job).ToProto(),
            (info, progress, result) => progress is null
                ? new SynthesizeResponse { Step = info, Result = result }
                : new SynthesizeResponse { Step = info, Progress = progress },
            responseStream,
            options,
            context);
    }

    public override async Task<JoinSetsResponse> JoinSets(JoinSetsRequest request, ServerCallContext context)
    {
        if (request.ImageSetDigests.Count == 0)
            throw new InvalidFieldException("image_set_digests", "must name at least one set.");
        var joined = await joining.RunAsync(
            [.. request.ImageSetDigests.Select(digest => Fields.Digest(digest, "image_set_digests"))],
            Fields.Whole(request.PreviewImages, "preview_images", 1, 1024, defaultValue: 100),
            context.CancellationToken);
        return new JoinSetsResponse { ImageSetDigest = joined.ImageSet.ToString(), PreviewDigest = joined.Preview.ToString(), Images = joined.Images };
    }

    /// <summary>A batch among several is recorded by itself, so that a call for it, and this one when it is repeated, find it done.</summary>
    private static SynthesisedSet Run(StepContext step, SynthesizeRequest request, SynthesisJob job)
    {
        var several = job.Settings.Images > job.BatchSize;
        var started = Stopwatch.GetTimestamp();
        return NetworkSynthesis.Run(
            step,
            job,
            (first, count) => several ? step.FindResult<SynthesizeResult>(StageSteps.Synthesize, request.Alone(first, count))?.FromProto() : null,
            (first, made) =>
            {
                if (several)
                    step.Record(StageSteps.Synthesize, request.Alone(first, made.Images), made.ToProto(), Stopwatch.GetElapsedTime(started));
                started = Stopwatch.GetTimestamp();
            });
    }
}
