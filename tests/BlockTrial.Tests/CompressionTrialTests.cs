using Fewshot.Models;
using Fewshot.Networks.V1;
using Fewshot.StageTests;
using Fewshot.Trials.V1;
using Grpc.Core;
using CompressBlock = Fewshot.Networks.V1.CompressBlock;
using Edit = Fewshot.Networks.V1.Edit;

namespace Fewshot.BlockTrial.Tests;

public sealed class CompressionTrialTests
{
    [Fact]
    public async Task TryCompressions_Group_EachCandidateIsStoredAndDoneForItself()
    {
        await using var host = await StartedAsync();
        var group = await RunAsync(host, await RequestAsync(host, "blocks.1", "blocks.2"));
        Assert.Equal(["blocks.1", "blocks.2"], group.Result.Outcomes.Select(outcome => outcome.Block));
        Assert.Equal(6, group.Result.Images);
        Assert.All(group.Result.Outcomes, outcome => Assert.True(outcome.Metric > 0 && outcome.FirstLoss > 0 && outcome.LastLoss > 0));
        using (var network = Checkpoint.Load(await host.FileAsync(group.Result.Outcomes[1].NetworkDigest)))
            Assert.Equal(new Models.CompressBlock("blocks.2", 7, Seed: 3), Assert.Single(network.Spec.Edits));

        var alone = await RunAsync(host, await RequestAsync(host, "blocks.2"));
        Assert.True(alone.Step.Cached);
        Assert.Equal(group.Result.Outcomes[1], Assert.Single(alone.Result.Outcomes));

        await using var fresh = await StartedAsync();
        Assert.Equal(alone.Result.Outcomes, (await RunAsync(fresh, await RequestAsync(fresh, "blocks.2"))).Result.Outcomes);
    }

    [Theory]
    [InlineData("candidates: takes 1 to 10000", new string[0])]
    [InlineData("candidates: must not repeat", new[] { "blocks.1", "blocks.1" })]
    [InlineData("blocks.0, blocks.1, blocks.2", new[] { "blocks.9" })]
    public async Task TryCompressions_BadCandidates_AreRefused(string message, string[] candidates)
    {
        await using var host = await StartedAsync();
        var error = await Assert.ThrowsAsync<RpcException>(async () => await RunAsync(host, await RequestAsync(host, candidates)));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Contains(message, error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TryCompressions_BadFields_AreNamed()
    {
        await using var host = await StartedAsync();
        var good = await RequestAsync(host, "blocks.1");
        await RefusedAsync("training.learning_rate", request => request.Training.LearningRate = double.NaN);
        await RefusedAsync("training.initialization", request => request.Training.Initialization = (Initialization)77);
        await RefusedAsync("candidates.compress_block.hidden", request => request.Candidates[0].CompressBlock.Hidden = 0);
        await RefusedAsync("candidates", request => request.Candidates[0] = new Edit());
        await RefusedAsync("1 to 40", request => request.Candidates[0].CompressBlock.Hidden = 41);
        await RefusedAsync("metric_set_digest", request => request.MetricSetDigest = "");

        async Task RefusedAsync(string part, Action<TryCompressionsRequest> spoil)
        {
            var request = good.Clone();
            spoil(request);
            var error = await Assert.ThrowsAsync<RpcException>(() => RunAsync(host, request));
            Assert.True(error.StatusCode == StatusCode.InvalidArgument && error.Status.Detail.Contains(part, StringComparison.Ordinal), error.Status.ToString());
        }
    }

    private static Task<StageHost> StartedAsync() => StageHost.StartedAsync(services => services.AddBlockTrial(), app => app.MapBlockTrial());

    private static async Task<TryCompressionsRequest> RequestAsync(StageHost host, params string[] blocks)
    {
        var images = await host.ImagesAsync(6);
        return new TryCompressionsRequest
        {
            NetworkDigest = await host.TransformerAsync(),
            ImageSetDigest = images,
            MetricSetDigest = images,
            Candidates = { blocks.Select(block => new Edit { CompressBlock = new CompressBlock { Block = block, Hidden = 7, Seed = 3 } }) },
            Seed = 1,
            Training = new MimicTraining { Iterations = 2, BatchSize = 4 },
        };
    }

    private static async Task<TryCompressionsResponse> RunAsync(StageHost host, TryCompressionsRequest request)
    {
        using var call = new BlockTrialService.BlockTrialServiceClient(host.Channel).TryCompressions(request, deadline: StageHost.Deadline);
        TryCompressionsResponse? last = null;
        await foreach (var message in call.ResponseStream.ReadAllAsync())
            last = message;
        return last!;
    }
}
