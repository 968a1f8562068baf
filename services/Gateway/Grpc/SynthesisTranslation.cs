using Fewshot.Gateway.Workflows;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Grpc;

/// <summary>Checks what is said about synthesised images and fills in the defaults.</summary>
internal static class SynthesisTranslation
{
    private const int MostImages = 100_000, MostIterations = 1_000_000, LargestBatch = 4096;

    public static SynthesisPlan ToPlan(Compression.V1.ImageSynthesis? synthesis, string field)
    {
        synthesis ??= new Compression.V1.ImageSynthesis();
        return new SynthesisPlan(
            Fields.Whole(synthesis.Images, field + ".images", 1, MostImages, defaultValue: 50),
            Fields.Whole(synthesis.Iterations, field + ".iterations", 1, MostIterations, defaultValue: 2000),
            (SynthesisMethod)(int)Fields.Known(synthesis.Method, field + ".method"),
            Fields.Whole(synthesis.BatchSize, field + ".batch_size", 1, LargestBatch, defaultValue: 50));
    }
}
