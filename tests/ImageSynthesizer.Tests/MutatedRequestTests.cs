using Fewshot.Mutations;
using Fewshot.Stages.V1;
using Fewshot.Synthesis.V1;

namespace Fewshot.ImageSynthesizer.Tests;

[Collection(MutatedInputs.Name)]
public sealed class MutatedRequestTests
{
    private static readonly string Unknown = "sha256:" + new string('0', 64);

    /// <summary>What is right in form names artifacts that are not there, so that nothing is computed.</summary>
    [Fact]
    public async Task Service_Mutated_IsRefused()
    {
        await using var host = await Service.StartedAsync();
        var methods = ImageSynthesizerService.Descriptor.Methods.ToDictionary(method => method.Name);
        using var calls = new MutatedCalls(host.Address, seed: 13);
        await calls.RunAsync(
            10_000,
            (methods["Synthesize"], new SynthesizeRequest { NetworkDigest = Unknown, Seed = 7, Images = 4, Iterations = 2, BatchSize = 4, Compute = new ComputeOptions { Threads = 1 } }),
            (methods["JoinSets"], new JoinSetsRequest { ImageSetDigests = { Unknown, Unknown } }));
    }
}
