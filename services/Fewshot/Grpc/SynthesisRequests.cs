using Fewshot.Cli.Inputs;
using Fewshot.Cli.Options;
using Fewshot.Compression.V1;
using Fewshot.Synthesis.V1;

namespace Fewshot.Cli.Grpc;

/// <summary>What requests say about synthesised images.</summary>
internal static class SynthesisRequests
{
    public static JobRequest Synthesize(string network, SyntheticImageSettings settings, ulong seed, ComputeChoice compute) => new(new StartStageRequest
    {
        Synthesize = new ImageSynthesisRequest { NetworkDigest = network, Seed = seed, Synthesis = settings.ToProto(), Compute = JobRequests.ComputeOf(compute) },
    });

    public static ImageSynthesis ToProto(this SyntheticImageSettings settings) => new()
    {
        Images = settings.Images,
        Iterations = settings.Iterations,
        Method = settings.Method switch
        {
            "deepdream" => SynthesisMethod.Deepdream,
            "deepinversion" => SynthesisMethod.Deepinversion,
            _ => SynthesisMethod.Unspecified,
        },
        BatchSize = settings.BatchSize ?? 0,
    };

    /// <summary>Sets what is trained on.</summary>
    public static CompressionSpec On(this CompressionSpec spec, TrainingImages images)
    {
        spec.ImageSetDigest = images.Digest;
        spec.SyntheticImages = images.Synthetic?.ToProto();
        return spec;
    }
}
