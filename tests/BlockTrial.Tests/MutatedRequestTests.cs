using Fewshot.Mutations;
using Fewshot.Networks.V1;
using Fewshot.Stages.V1;
using Fewshot.StageTests;
using Fewshot.Trials.V1;

namespace Fewshot.BlockTrial.Tests;

[Collection(MutatedInputs.Name)]
public sealed class MutatedRequestTests
{
    private static readonly string Unknown = "sha256:" + new string('0', 64);

    /// <summary>What is right in form names artifacts that are not there, so that nothing is computed.</summary>
    [Fact]
    public async Task Service_Mutated_IsRefused()
    {
        await using var host = await StageHost.StartedAsync(services => services.AddBlockTrial(), app => app.MapBlockTrial());
        var methods = BlockTrialService.Descriptor.Methods.ToDictionary(method => method.Name);
        var trials = new RunTrialsRequest
        {
            NetworkDigest = Unknown, ImageSetDigest = Unknown, Candidates = { "layer1.1", "layer2.1" }, Criterion = Criterion.Practise, Iterations = 2, BatchSize = 4, LearningRate = 0.01,
            Compute = new ComputeOptions { Threads = 1 },
        };
        var compressions = new TryCompressionsRequest
        {
            NetworkDigest = Unknown, ImageSetDigest = Unknown, MetricSetDigest = Unknown, Candidates = { new Edit { CompressBlock = new CompressBlock { Block = "blocks.1", Hidden = 20 } } },
            Training = new MimicTraining { Iterations = 2, BatchSize = 4 },
        };
        using var calls = new MutatedCalls(host.Address, seed: 11);
        await calls.RunAsync(10_000, (methods["RunTrials"], trials), (methods["TryCompressions"], compressions));
    }
}
