using System.Text;
using System.Text.Json.Nodes;
using Fewshot.Compression.V1;
using Fewshot.Synthesis.V1;
using Grpc.Core;

namespace Fewshot.Gateway.Tests;

public sealed class SynthesisTests
{
    [Fact]
    public async Task StartStage_Synthesize_JoinsTheBatchesAndWeighsTheirTop1()
    {
        await using var rig = await GatewayRig.StartedAsync();

        var ended = await MakeAsync(rig, images: 23, batchSize: 10);

        Assert.Equal(("synthesize", JobState.Succeeded, ""), (ended.Kind, ended.State, ended.StatusMessage));
        Assert.Equal(3, rig.Stages.RunsOf("synthesize"));
        Assert.Equal(string.Concat(Enumerable.Range(0, 23).Select(i => $"7:{i}\n")), Encoding.ASCII.GetString(await rig.GetAsync(ended.Result.ImageSetDigest)));
        Assert.StartsWith("preview of", Encoding.ASCII.GetString(await rig.GetAsync(ended.Result.PreviewDigest)), StringComparison.Ordinal);
        var report = JsonNode.Parse(await rig.GetAsync(ended.Result.ReportDigest))!;
        Assert.Equal(("toy", "deepdream", 23, 4), ((string?)report["arch"], (string?)report["method"], (int)report["images"]!, (int)report["iterations"]!));
        Assert.Equal(18 / 23.0, (double)report["teacher_top1"]!, 9);
    }

    [Fact]
    public async Task StartStage_SynthesizeWithTwoWorkers_SameImagesInTheirOrder()
    {
        await using var alone = await GatewayRig.StartedAsync();
        var expected = (await MakeAsync(alone, images: 30, batchSize: 10)).Result.ImageSetDigest;
        await using var rig = new GatewayRig();
        var (left, right) = (new FakeStages(), new FakeStages());
        await using var one = await rig.StartWorkerAsync(left);
        await using var two = await rig.StartWorkerAsync(right);
        using var both = new Barrier(2);
        foreach (var worker in new[] { left, right })
        {
            var first = true;
            worker.OnRun = (_, _) =>
            {
                if (!first)
                    return;
                first = false;
                Assert.True(both.SignalAndWait(TimeSpan.FromSeconds(30)));
            };
        }

        await rig.StartAsync(options =>
        {
            options.ImageSynthesizers.Add(GatewayRig.AddressOf(one));
            options.ImageSynthesizers.Add(GatewayRig.AddressOf(two));
        });

        Assert.Equal(expected, (await MakeAsync(rig, images: 30, batchSize: 10)).Result.ImageSetDigest);
        Assert.Equal(3, left.RunsOf("synthesize") + right.RunsOf("synthesize"));
    }

    [Fact]
    public async Task StartStage_SynthesizeMore_RunsOnlyTheNewBatches()
    {
        await using var rig = await GatewayRig.StartedAsync();
        await MakeAsync(rig, images: 20, batchSize: 10);

        await MakeAsync(rig, images: 30, batchSize: 10);

        Assert.Equal(3, rig.Stages.RunsOf("synthesize"));
    }

    [Fact]
    public async Task StartStage_SynthesizeFails_TheJobFailsWithTheReason()
    {
        await using var rig = await GatewayRig.StartedAsync();
        rig.Stages.OnRun = (_, _) => throw new ServiceDefaults.PreconditionException("the network has no batch norm");

        var ended = await MakeAsync(rig, images: 30, batchSize: 10);

        Assert.Equal((JobState.Failed, (int)StatusCode.FailedPrecondition, "the network has no batch norm"), (ended.State, ended.StatusCode, ended.StatusMessage));
    }

    [Theory]
    [InlineData("synthesize.synthesis.images", -1, 0, 0)]
    [InlineData("synthesize.synthesis.iterations", 1, -1, 0)]
    [InlineData("synthesize.synthesis.batch_size", 1, 1, 5000)]
    public async Task StartStage_SynthesizeOutOfRange_NamesTheField(string field, int images, int iterations, int batchSize)
    {
        await using var rig = await GatewayRig.StartedAsync();
        var request = new StartStageRequest
        {
            RequestId = "s",
            Synthesize = new ImageSynthesisRequest { NetworkDigest = await rig.PutAsync("n"u8.ToArray()), Synthesis = new() { Images = images, Iterations = iterations, BatchSize = batchSize } },
        };

        var error = await Assert.ThrowsAsync<RpcException>(async () => await rig.Jobs.StartStageAsync(request, deadline: GatewayRig.Deadline));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.StartsWith(field + ":", error.Status.Detail, StringComparison.Ordinal);
    }

    private static async Task<Job> MakeAsync(GatewayRig rig, int images, int batchSize)
    {
        var request = new StartStageRequest
        {
            RequestId = $"s{images}",
            Synthesize = new ImageSynthesisRequest
            {
                NetworkDigest = await rig.PutAsync("a network"u8.ToArray()), Seed = 7,
                Synthesis = new() { Images = images, Iterations = 4, BatchSize = batchSize, Method = SynthesisMethod.Unspecified },
            },
        };
        return await rig.EndOfAsync((await rig.Jobs.StartStageAsync(request, deadline: GatewayRig.Deadline)).Job.Id);
    }
}
