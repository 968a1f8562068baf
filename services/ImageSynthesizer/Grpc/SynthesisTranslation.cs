using Fewshot.Compression;
using Fewshot.Compression.Synthesis;
using Fewshot.ServiceDefaults;
using Fewshot.StageDefaults.Grpc;
using Fewshot.Stages.V1;
using Fewshot.Synthesis.V1;
using SynthesisMethod = Fewshot.Compression.Synthesis.SynthesisMethod;

namespace Fewshot.ImageSynthesizer.Grpc;

/// <summary>Between the contract and the synthesis' own terms.</summary>
internal static class SynthesisTranslation
{
    public static SynthesisJob ToJob(this SynthesizeRequest request)
    {
        var batch = Fields.Whole(request.BatchSize, "batch_size", 1, 4096, defaultValue: 50);
        var adaptive = Fields.Number(request.AdaptiveWeight, "adaptive_weight", 0, 1e6);
        return new SynthesisJob(
            Fields.Digest(request.NetworkDigest, "network_digest"),
            StudentOf(request, adaptive),
            new SynthesisSettings(
                Fields.Whole(request.Images, "images", 1, 100_000, defaultValue: 50),
                request.Seed,
                FirstImage(request, batch),
                Fields.Whole(request.Iterations, "iterations", 1, 1_000_000, defaultValue: 2000),
                (SynthesisMethod)(int)Fields.Known(request.Method, "method"),
                Fields.Number(request.LearningRate, "learning_rate", 1e-6, 100, defaultValue: 0.25),
                Fields.Number(request.TotalVariationWeight, "total_variation_weight", 0, 1e6, defaultValue: 1e-4),
                request.TotalVariationBeta == 0 ? null : Fields.Number(request.TotalVariationBeta, "total_variation_beta", 0.01, 4),
                Fields.Number(request.L2Weight, "l2_weight", 0, 1e6, defaultValue: 1e-5),
                Fields.Number(request.BatchNormWeight, "batch_norm_weight", 0, 1e6, defaultValue: 0.01),
                adaptive),
            batch,
            ToSettings(request.Compute));
    }

    public static SynthesizeResult ToProto(this SynthesisedSet made) => new()
    {
        ImageSetDigest = made.ImageSet.ToString(),
        Images = made.Images,
        TeacherTop1 = (double)made.Agreed / made.Images,
        Method = (Synthesis.V1.SynthesisMethod)(int)made.Method,
    };

    public static SynthesisedSet FromProto(this SynthesizeResult made) => new(
        Fields.Digest(made.ImageSetDigest, "image_set_digest"), made.Images, (int)Math.Round(made.TeacherTop1 * made.Images), (SynthesisMethod)(int)made.Method);

    /// <summary>A request for one batch of another, as a request of its own.</summary>
    public static SynthesizeRequest Alone(this SynthesizeRequest request, int first, int count)
    {
        var alone = request.Clone();
        (alone.FirstImage, alone.Images) = (first, count);
        return alone;
    }

    private static Artifacts.Digest? StudentOf(SynthesizeRequest request, double adaptive)
    {
        if (adaptive == 0 && request.StudentDigest.Length == 0)
            return null;
        return adaptive > 0
            ? Fields.Digest(request.StudentDigest, "student_digest")
            : throw new InvalidFieldException("adaptive_weight", "must be above 0 where student_digest names a network.");
    }

    private static int FirstImage(SynthesizeRequest request, int batch) => Fields.Whole(request.FirstImage, "first_image", 0, 1_000_000_000) % batch == 0
        ? request.FirstImage
        : throw new InvalidFieldException("first_image", $"must be a multiple of batch_size ({batch}): the images of a batch are optimised together.");

    private static ComputeSettings ToSettings(ComputeOptions? compute) => compute?.MixedPrecision == true
        ? throw new InvalidFieldException("compute.mixed_precision", "must be off: images are synthesised in float32.")
        : StageRequests.ToSettings(compute);
}
