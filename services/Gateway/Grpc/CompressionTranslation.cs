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

    /// <summary>The images to train on: those that were uploaded, or how to make them.</summary>
    public static (string? Uploaded, SynthesisPlan? Synthetic) ImagesOf(CompressionSpec spec)
    {
        if (spec.SyntheticImages is null)
            return (Fields.Digest(spec.ImageSetDigest, "spec.image_set_digest").ToString(), null);
        return spec.ImageSetDigest.Length == 0
            ? (null, SynthesisTranslation.ToPlan(spec.SyntheticImages, "spec.synthetic_images"))
            : throw new InvalidFieldException("spec.synthetic_images", "excludes image_set_digest: give one of them.");
    }
}
