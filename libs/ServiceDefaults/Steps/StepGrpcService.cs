using Fewshot.Artifacts;
using Fewshot.Stages.V1;
using Grpc.Core;

namespace Fewshot.ServiceDefaults;

/// <summary>The steps of this process, seen from outside.</summary>
internal sealed class StepGrpcService(StepRunner steps) : StepService.StepServiceBase
{
    public override Task<CancelStepResponse> CancelStep(CancelStepRequest request, ServerCallContext context) =>
        Task.FromResult(new CancelStepResponse { Running = steps.Cancel(Key(request.StepKey)) });

    private static StepKey Key(string text)
    {
        try
        {
            return StepKey.Parse(text);
        }
        catch (FormatException)
        {
            throw new InvalidFieldException("step_key", "must be 64 lower-case hexadecimal digits.");
        }
    }
}
