using Fewshot.Compression.V1;
using Fewshot.Gateway.Workflows;
using Fewshot.ServiceDefaults;
using Method = Fewshot.Compression.V1.CompressionSpec.MethodOneofCase;

namespace Fewshot.Gateway.Grpc;

/// <summary>A specification of any method as the plan it means.</summary>
internal static class CompressionTranslation
{
    /// <exception cref="InvalidFieldException">A field is missing or out of range.</exception>
    public static CompressionPlan ToPlan(CompressionSpec? spec) => Fields.Present(spec, "spec").MethodCase switch
    {
        Method.Practise => PractiseTranslation.ToPlan(spec!),
        Method.Dcvit => DcVitTranslation.ToPlan(spec!, spec!.Dcvit),
        Method.Pareto => DcVitTranslation.ToPlan(spec!, spec!.Pareto),
        _ => throw new InvalidFieldException("spec.method", "is missing."),
    };
}
