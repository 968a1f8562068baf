using Fewshot.Finetuning.V1;
using Fewshot.ServiceDefaults;
using Grpc.Core;

namespace Fewshot.Finetuner.Grpc;

/// <summary>Trains and evaluates whole networks.</summary>
internal sealed class FinetunerGrpcService(StepRunner steps, FewshotOptions options) : FinetunerService.FinetunerServiceBase
{
    public override Task Finetune(FinetuneRequest request, IServerStreamWriter<FinetuneResponse> responseStream, ServerCallContext context)
    {
        var run = request.ToWork();
        return steps.ServeAsync(
            StageSteps.Finetune,
            request,
            step => run(step).ToProto(),
            (info, progress, result) => progress is null
                ? new FinetuneResponse { Step = info, Result = result }
                : new FinetuneResponse { Step = info, Progress = progress },
            responseStream,
            options,
            context);
    }

    public override Task Evaluate(EvaluateRequest request, IServerStreamWriter<EvaluateResponse> responseStream, ServerCallContext context)
    {
        var job = request.ToJob();
        return steps.ServeAsync(
            StageSteps.Evaluate,
            request,
            step => NetworkTraining.Evaluate(step, job).ToProto(),
            (info, progress, result) => progress is null
                ? new EvaluateResponse { Step = info, Result = result }
                : new EvaluateResponse { Step = info, Progress = progress },
            responseStream,
            options,
            context);
    }

    public override Task Train(TrainRequest request, IServerStreamWriter<TrainResponse> responseStream, ServerCallContext context)
    {
        var job = request.ToJob();
        return steps.ServeAsync(
            StageSteps.Train,
            request,
            step => NetworkTraining.Train(step, job).ToProto(),
            (info, progress, result) => progress is null
                ? new TrainResponse { Step = info, Result = result }
                : new TrainResponse { Step = info, Progress = progress },
            responseStream,
            options,
            context);
    }
}
