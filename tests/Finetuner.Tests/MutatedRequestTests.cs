using Fewshot.Finetuning.V1;
using Fewshot.Mutations;
using Fewshot.Networks.V1;
using Fewshot.Stages.V1;
using Fewshot.StageTests;

namespace Fewshot.Finetuner.Tests;

[Collection(MutatedInputs.Name)]
public sealed class MutatedRequestTests
{
    private static readonly string Unknown = "sha256:" + new string('0', 64);

    /// <summary>What is right in form names artifacts that are not there, so that nothing is computed.</summary>
    [Fact]
    public async Task Service_Mutated_IsRefused()
    {
        await using var host = await StageHost.StartedAsync(services => services.AddFinetuner(), app => app.MapFinetuner());
        var methods = FinetunerService.Descriptor.Methods.ToDictionary(method => method.Name);
        var edit = new Edit { DropBlock = new DropBlock { Block = "layer2.1" } };
        var optimizer = new OptimizerSettings { Iterations = 2, LearningRate = 0.01, BatchSize = 4 };
        using var calls = new MutatedCalls(host.Address, seed: 12);
        await calls.RunAsync(
            10_000,
            (methods["Finetune"], new FinetuneRequest
            {
                TeacherDigest = Unknown, ImageSetDigest = Unknown, Edits = { edit }, Optimizer = optimizer, Seed = 7, Compute = new ComputeOptions { Threads = 1 },
            }),
            (methods["Evaluate"], new EvaluateRequest { Network = new Network { Digest = Unknown, Edits = { edit } }, ImageSetDigest = Unknown, BatchSize = 4 }),
            (methods["Train"], new TrainRequest { Network = new Network { Digest = Unknown }, ImageSetDigest = Unknown, Optimizer = optimizer }));
    }
}
