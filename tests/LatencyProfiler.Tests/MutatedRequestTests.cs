using Fewshot.Mutations;
using Fewshot.Networks.V1;
using Fewshot.Profiling.V1;
using Fewshot.Stages.V1;
using Fewshot.StageTests;

namespace Fewshot.LatencyProfiler.Tests;

[Collection(MutatedInputs.Name)]
public sealed class MutatedRequestTests
{
    private static readonly string Unknown = "sha256:" + new string('0', 64);

    /// <summary>Descriptions are of a network that is there; measurements of one that is not, so that nothing is computed.</summary>
    [Fact]
    public async Task Service_Mutated_IsRefusedOrDone()
    {
        await using var host = await StageHost.StartedAsync(services => services.AddLatencyProfiler(), app => app.MapLatencyProfiler());
        var methods = LatencyProfilerService.Descriptor.Methods.ToDictionary(method => method.Name);
        var edit = new Edit { DropBlock = new DropBlock { Block = "layer2.1" } };
        var profile = new ProfileRequest
        {
            NetworkDigest = Unknown, Candidates = { new Candidate { Name = "one", Edits = { edit } } }, BatchSize = 2, Runs = 2, DeviceFingerprint = new string('f', 64),
            Compute = new ComputeOptions { Threads = 1 },
        };
        using var calls = new MutatedCalls(host.Address, seed: 14);
        await calls.RunAsync(9_000, (methods["Profile"], profile), (methods["DescribeDevice"], new DescribeDeviceRequest { Compute = new ComputeOptions { Threads = 1 } }));
        using var described = new MutatedCalls(host.Address, seed: 15);
        await described.RunAsync(1_000, (methods["DescribeNetwork"], new DescribeNetworkRequest { Network = new Network { Digest = await host.NetworkAsync(), Edits = { edit } } }));
    }
}
