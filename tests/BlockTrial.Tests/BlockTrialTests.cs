using Fewshot.StageTests;
using Fewshot.Trials.V1;
using Grpc.Core;

namespace Fewshot.BlockTrial.Tests;

public sealed class BlockTrialTests
{
    [Fact]
    public async Task RunTrials_Group_EachCandidateIsDoneForItself()
    {
        await using var host = await StartedAsync();
        var request = await RequestAsync(host, "layer1.1", "layer2.1");
        var group = await RunAsync(host, request);
        Assert.False(group.Step.Cached);
        Assert.Equal(["layer1.1", "layer2.1"], group.Result.Outcomes.Select(outcome => outcome.Block));
        Assert.Equal(6, group.Result.Images);
        Assert.All(group.Result.Outcomes, outcome => Assert.True(outcome.Value > 0 && outcome.DistanceBefore > 0));

        var alone = await RunAsync(host, await RequestAsync(host, "layer2.1"));
        Assert.True(alone.Step.Cached);
        Assert.Equal(group.Result.Outcomes[1], Assert.Single(alone.Result.Outcomes));
        Assert.True((await RunAsync(host, request)).Step.Cached);
    }

    [Fact]
    public async Task RunTrials_AnotherGrouping_GivesTheSameNumbers()
    {
        await using var host = await StartedAsync();
        var one = await RunAsync(host, await RequestAsync(host, "layer1.1", "layer1.2"));
        // Of this group only the second is still to be tried.
        var two = await RunAsync(host, await RequestAsync(host, "layer1.2", "layer3.1"));
        Assert.Equal(one.Result.Outcomes[1], two.Result.Outcomes[0]);

        await using var fresh = await StartedAsync();
        var all = await RunAsync(fresh, await RequestAsync(fresh, "layer1.1", "layer1.2", "layer3.1"));
        Assert.Equal([.. one.Result.Outcomes, two.Result.Outcomes[1]], all.Result.Outcomes);
    }

    [Theory]
    [InlineData(StatusCode.InvalidArgument, "candidates: takes 1 to 10000", new string[0])]
    [InlineData(StatusCode.InvalidArgument, "candidates: must not repeat", new[] { "layer1.1", "layer1.1" })]
    [InlineData(StatusCode.InvalidArgument, "layer3.2", new[] { "layer1.0" })]
    [InlineData(StatusCode.InvalidArgument, "layer3.2", new[] { "nonsense" })]
    public async Task RunTrials_BadCandidates_AreRefused(StatusCode code, string message, string[] candidates)
    {
        await using var host = await StartedAsync();
        var error = await Assert.ThrowsAsync<RpcException>(async () => await RunAsync(host, await RequestAsync(host, candidates)));
        Assert.Equal(code, error.StatusCode);
        Assert.Contains(message, error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task RunTrials_UploadedSetWithUnusableImages_UsesTheOthers()
    {
        await using var host = await StartedAsync();
        var request = await RequestAsync(host, "layer1.1");
        request.ImageSetDigest = await host.ImagesAsync(6, hostile: true);
        Assert.Equal(6, (await RunAsync(host, request)).Result.Images);
    }

    [Fact]
    public async Task RunTrials_BadArtifacts_SayWhatIsWrong()
    {
        await using var host = await StartedAsync();
        var good = await RequestAsync(host, "layer1.1");
        await RefusedAsync(StatusCode.NotFound, "sha256:0000", request => request.NetworkDigest = "sha256:" + new string('0', 64));
        await RefusedAsync(StatusCode.FailedPrecondition, "", request => request.NetworkDigest = request.ImageSetDigest);
        await RefusedAsync(StatusCode.FailedPrecondition, "image", request => request.ImageSetDigest = request.NetworkDigest);
        var broken = (await host.NetworkAsync(broken: true), await host.ImagesAsync(3, broken: true));
        await RefusedAsync(StatusCode.FailedPrecondition, "finite", request => request.NetworkDigest = broken.Item1);
        await RefusedAsync(StatusCode.FailedPrecondition, "image", request => request.ImageSetDigest = broken.Item2);

        async Task RefusedAsync(StatusCode code, string message, Action<RunTrialsRequest> spoil)
        {
            var request = good.Clone();
            spoil(request);
            var error = await Assert.ThrowsAsync<RpcException>(() => RunAsync(host, request));
            Assert.True(error.StatusCode == code && error.Status.Detail.Contains(message, StringComparison.OrdinalIgnoreCase), error.Status.ToString());
            Assert.DoesNotContain("/tmp", error.Status.Detail, StringComparison.Ordinal);
        }
    }

    private static Task<StageHost> StartedAsync() => StageHost.StartedAsync(services => services.AddBlockTrial(), app => app.MapBlockTrial());

    private static async Task<RunTrialsRequest> RequestAsync(StageHost host, params string[] candidates) => new()
    {
        NetworkDigest = await host.NetworkAsync(), ImageSetDigest = await host.ImagesAsync(6), Candidates = { candidates }, Seed = 1, Iterations = 2, BatchSize = 4, LearningRate = 1e-5,
    };

    private static async Task<RunTrialsResponse> RunAsync(StageHost host, RunTrialsRequest request)
    {
        using var call = new BlockTrialService.BlockTrialServiceClient(host.Channel).RunTrials(request, deadline: StageHost.Deadline);
        RunTrialsResponse? last = null;
        await foreach (var message in call.ResponseStream.ReadAllAsync())
        {
            Assert.Null(last?.Result);
            last = message;
        }

        return last!;
    }
}
