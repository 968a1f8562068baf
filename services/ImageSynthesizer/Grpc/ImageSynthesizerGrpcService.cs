using Fewshot.ServiceDefaults;
using Fewshot.Synthesis.V1;
using Grpc.Core;

namespace Fewshot.ImageSynthesizer.Grpc;

/// <summary>Makes images out of a network.</summary>
internal sealed class ImageSynthesizerGrpcService(StepRunner steps, FewshotOptions options) : ImageSynthesizerService.ImageSynthesizerServiceBase
{
    public override Task Synthesize(SynthesizeRequest request, IServerStreamWriter<SynthesizeResponse> responseStream, ServerCallContext context)
    {
        var job = request.ToJob();
        return steps.ServeAsync(
            StageSteps.Synthesize,
            request,
            step => NetworkSynthesis.Run(step, job).ToProto(),
            (info, progress, result) => progress is null
                ? new SynthesizeResponse { Step = info, Result = result }
                : new SynthesizeResponse { Step = info, Progress = progress },
            responseStream,
            options,
            context);
    }
}
