using Fewshot.Networks.V1;
using Fewshot.Profiling.V1;
using Fewshot.StageTests;
using Grpc.Core;

namespace Fewshot.LatencyProfiler.Tests;

public sealed class LatencyProfilerTests
{
    [Fact]
    public async Task DescribeNetwork_WithAnEdit_CountsWhatIsLeft()
    {
        await using var host = await StartedAsync();
        var network = new Network { Digest = await host.NetworkAsync() };
        var whole = (await Client(host).DescribeNetworkAsync(new DescribeNetworkRequest { Network = network }, deadline: StageHost.Deadline)).Description;
        Assert.Equal(("cifar_resnet20", 4, 32, 9), (whole.Variant, whole.Classes, whole.ImageSize, whole.Blocks.Count));
        Assert.Equal(["layer1.1", "layer1.2", "layer2.1", "layer2.2", "layer3.1", "layer3.2"], whole.Blocks.Where(block => block.Droppable).Select(block => block.Name));

        network.Edits.Add(Drop("layer2.1"));
        var pruned = (await Client(host).DescribeNetworkAsync(new DescribeNetworkRequest { Network = network }, deadline: StageHost.Deadline)).Description;
        var gone = whole.Blocks.Single(block => block.Name == "layer2.1");
        Assert.Equal((whole.Macs - gone.Macs, whole.Params - gone.Params), (pruned.Macs, pruned.Params));
        Assert.Equal("layer2.1", pruned.Blocks.Single(block => block.Name == "layer2.2").CheckpointName);
    }

    [Fact]
    public async Task DescribeNetwork_Bad_IsRefused()
    {
        await using var host = await StartedAsync();
        var digest = await host.NetworkAsync();
        Assert.Contains("layer1.1", (await RefusedAsync(host, new Network { Digest = digest, Edits = { Drop("layer1.0") } }, StatusCode.InvalidArgument)).Detail, StringComparison.Ordinal);
        await RefusedAsync(host, new Network { Digest = digest, Edits = { new Edit() } }, StatusCode.InvalidArgument);
        await RefusedAsync(host, new Network { Digest = "x" }, StatusCode.InvalidArgument);
        await RefusedAsync(host, null, StatusCode.InvalidArgument);
        await RefusedAsync(host, new Network { Digest = "sha256:" + new string('0', 64) }, StatusCode.NotFound);
        await RefusedAsync(host, new Network { Digest = await host.PutAsync(stream => stream.Write("not a network"u8)) }, StatusCode.FailedPrecondition);
    }

    [Fact]
    public async Task Profile_OriginalAndCandidate_AreMeasured()
    {
        await using var host = await StartedAsync();
        var request = await RequestAsync(host);
        using var call = Client(host).Profile(request, deadline: StageHost.Deadline);
        ProfileResponse? last = null;
        await foreach (var message in call.ResponseStream.ReadAllAsync())
            last = message;
        var result = last!.Result;
        Assert.Equal(request.DeviceFingerprint, result.Device.Fingerprint);
        Assert.True(result.Original.MeanUs > 0 && result.Original.P50Us <= result.Original.P95Us);
        var candidate = Assert.Single(result.Candidates);
        Assert.Equal("all but three", candidate.Name);
        Assert.True(candidate.Macs < result.Original.Macs);
        Assert.Equal((3, 2), (candidate.Runs, result.BatchSize));
    }

    [Fact]
    public async Task Profile_AnotherDevice_IsRefused()
    {
        await using var host = await StartedAsync();
        var request = await RequestAsync(host);
        request.DeviceFingerprint = "another";
        Assert.Equal(StatusCode.FailedPrecondition, (await ProfileRefusedAsync(host, request)).StatusCode);
        request.DeviceFingerprint = "";
        Assert.Equal(StatusCode.InvalidArgument, (await ProfileRefusedAsync(host, request)).StatusCode);
        request = await RequestAsync(host);
        request.Candidates.Add(request.Candidates[0]);
        Assert.Equal("candidates: must have different names.", (await ProfileRefusedAsync(host, request)).Detail);
    }

    private static Task<StageHost> StartedAsync() => StageHost.StartedAsync(services => services.AddLatencyProfiler(), app => app.MapLatencyProfiler());

    private static LatencyProfilerService.LatencyProfilerServiceClient Client(StageHost host) => new(host.Channel);

    private static Edit Drop(string block) => new() { DropBlock = new DropBlock { Block = block } };

    private static async Task<ProfileRequest> RequestAsync(StageHost host) => new()
    {
        NetworkDigest = await host.NetworkAsync(),
        Candidates = { new Candidate { Name = "all but three", Edits = { Drop("layer1.1"), Drop("layer2.1"), Drop("layer3.1") } } },
        BatchSize = 2, Runs = 3, WarmupRuns = 1,
        DeviceFingerprint = (await Client(host).DescribeDeviceAsync(new DescribeDeviceRequest(), deadline: StageHost.Deadline)).Device.Fingerprint,
    };

    private static async Task<Status> ProfileRefusedAsync(StageHost host, ProfileRequest request)
    {
        using var call = Client(host).Profile(request, deadline: StageHost.Deadline);
        return (await Assert.ThrowsAsync<RpcException>(async () =>
        {
            await foreach (var message in call.ResponseStream.ReadAllAsync())
                Assert.Null(message.Result);
        })).Status;
    }

    private static async Task<Status> RefusedAsync(StageHost host, Network? network, StatusCode code)
    {
        var error = await Assert.ThrowsAsync<RpcException>(
            () => Client(host).DescribeNetworkAsync(new DescribeNetworkRequest { Network = network }, deadline: StageHost.Deadline).ResponseAsync);
        Assert.Equal(code, error.StatusCode);
        return error.Status;
    }
}
