using Fewshot.Compression;
using Fewshot.Compression.Synthesis;
using Fewshot.ServiceDefaults;
using Fewshot.StageDefaults.Grpc;
using Fewshot.Stages.V1;
using Fewshot.Synthesis.V1;

namespace Fewshot.ImageSynthesizer.Grpc;

/// <summary>Between the contract and the synthesis' own terms.</summary>
internal static class SynthesisTranslation
{
    public static SynthesisJob ToJob(this SynthesizeRequest request) => new(
        Fields.Digest(request.NetworkDigest, "network_digest"),
        new SynthesisSettings(
            Fields.Whole(request.Images, "images", 1, 100_000, defaultValue: 50),
            request.Seed,
            Fields.Whole(request.Iterations, "iterations", 1, 1_000_000, defaultValue: 2000),
            Fields.Whole(request.BatchSize, "batch_size", 1, 4096, defaultValue: 50),
            Fields.Number(request.LearningRate, "learning_rate", 1e-6, 100, defaultValue: 0.25),
            Fields.Number(request.TotalVariationWeight, "total_variation_weight", 0, 1e6, defaultValue: 1e-4),
            Fields.Number(request.L2Weight, "l2_weight", 0, 1e6, defaultValue: 1e-5),
            Fields.Number(request.BatchNormWeight, "batch_norm_weight", 0, 1e6, defaultValue: 0.01),
            FirstImage(request)),
        ToSettings(request.Compute));

    public static SynthesizeResult ToProto(this SynthesisedSet made) =>
        new() { ImageSetDigest = made.ImageSet.ToString(), Images = made.Images, TeacherTop1 = made.TeacherTop1, Method = SynthesisMethod.Deepinversion };

    private static int FirstImage(SynthesizeRequest request)
    {
        var batch = Fields.Whole(request.BatchSize, "batch_size", 1, 4096, defaultValue: 50);
        return Fields.Whole(request.FirstImage, "first_image", 0, 10_000_000) % batch == 0
            ? request.FirstImage
            : throw new InvalidFieldException("first_image", $"must be a multiple of batch_size ({batch}): the images of a batch are optimised together.");
    }

    private static ComputeSettings ToSettings(ComputeOptions? compute) => compute?.MixedPrecision == true
        ? throw new InvalidFieldException("compute.mixed_precision", "must be off: images are synthesised in float32.")
        : StageRequests.ToSettings(compute);
}
