using Fewshot.Finetuning.V1;
using Fewshot.Models;
using Fewshot.Stages.V1;
using Fewshot.StageTests;
using Grpc.Core;

namespace Fewshot.Finetuner.Tests;

public sealed class FinetunerTests
{
    [Fact]
    public async Task Finetune_PrunedNetwork_IsStoredAndDescribesItself()
    {
        await using var host = await StartedAsync();
        var result = (await FinetuneAsync(host, await RequestAsync(host, iterations: 3))).Result;
        using var network = Checkpoint.Load(await host.FileAsync(result.NetworkDigest));
        Assert.Equal(new DropBlock("layer2.1"), Assert.Single(network.Spec.Edits));
        Assert.Equal(8, network.Blocks.Count);
        Assert.Equal(6, result.Images);
        Assert.True(result.FirstLoss > 0 && result.LastLoss > 0);
        Assert.Equal("layer2.1", result.RenamedBlocks["layer2.2"]);
    }

    [Fact]
    public async Task Finetune_CancelledOnTheWay_ContinuesToTheSameBytes()
    {
        await using var undisturbed = await StartedAsync();
        var expected = (await FinetuneAsync(undisturbed, await RequestAsync(undisturbed, iterations: 100))).Result;

        await using var host = await StartedAsync();
        var request = await RequestAsync(host, iterations: 100);
        var key = "";
        using (var call = Client(host).Finetune(request, deadline: StageHost.Deadline))
        {
            while (await call.ResponseStream.MoveNext(default) && call.ResponseStream.Current.Progress is not { Completed: > 0 })
            {
            }

            key = call.ResponseStream.Current.Step.Key;
        }

        Assert.True((await new StepService.StepServiceClient(host.Channel).CancelStepAsync(new CancelStepRequest { StepKey = key }, deadline: StageHost.Deadline)).Running);
        var continued = await FinetuneAsync(host, request);
        Assert.False(continued.Step.Cached);
        Assert.Equal(expected.NetworkDigest, continued.Result.NetworkDigest);
        Assert.Equal((expected.FirstLoss, expected.LastLoss), (continued.Result.FirstLoss, continued.Result.LastLoss));
    }

    [Fact]
    public async Task Finetune_RateTooHigh_IsAborted()
    {
        await using var host = await StartedAsync();
        var request = await RequestAsync(host, iterations: 25);
        // Batch norm forgives large steps; a decay beyond the weights themselves makes them grow without bound.
        (request.Optimizer.LearningRate, request.Optimizer.WeightDecay) = (100, 1);
        Assert.Equal(StatusCode.Aborted, (await Assert.ThrowsAsync<RpcException>(() => FinetuneAsync(host, request))).StatusCode);
    }

    [Fact]
    public async Task Finetune_ProgressiveSteps_EachCompressesOneBlockMore()
    {
        await using var host = await StartedAsync();
        var request = new FinetuneRequest
        {
            TeacherDigest = await host.TransformerAsync(),
            Edits = { new Networks.V1.Edit { CompressBlock = new Networks.V1.CompressBlock { Block = "blocks.2", Hidden = 7, Seed = 3 } } },
            ImageSetDigest = await host.ImagesAsync(6),
            Mimic = new Trials.V1.MimicTraining { Iterations = 2, BatchSize = 4 },
        };
        request.StartDigest = (await FinetuneAsync(host, request)).Result.NetworkDigest;
        var byActivation = new Networks.V1.CompressBlock { Block = "blocks.0", Hidden = 9, Selection = Networks.V1.HiddenSelection.Activation };
        request.Edits[0] = new Networks.V1.Edit { CompressBlock = byActivation };
        var result = (await FinetuneAsync(host, request)).Result;
        using var network = Checkpoint.Load(await host.FileAsync(result.NetworkDigest));
        Assert.Equal(["blocks.2", "blocks.0"], network.Spec.Edits.Cast<CompressBlock>().Select(edit => edit.Block));
        Assert.Equal([9L, 40L, 7L], network.Blocks.Select(block => block.Mlp!.Hidden.Outputs));

        var twice = await Assert.ThrowsAsync<RpcException>(() => FinetuneAsync(host, request.With(again => again.Edits[0].CompressBlock.Block = "blocks.2")));
        Assert.True(twice.StatusCode == StatusCode.InvalidArgument && twice.Status.Detail.Contains("already", StringComparison.Ordinal), twice.Status.ToString());
        var without = await Assert.ThrowsAsync<RpcException>(() => FinetuneAsync(host, request.With(plain => plain.Mimic = null)));
        Assert.Contains("start_digest", without.Status.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Evaluate_LabeledImages_CountsHitsAndUnusableImages(bool hostile)
    {
        await using var host = await StartedAsync();
        var images = await host.ImagesAsync(9, labeled: true, hostile: hostile);
        var network = new Networks.V1.Network { Digest = await host.NetworkAsync() };
        var request = new EvaluateRequest { Network = network, ImageSetDigest = images, BatchSize = 4 };
        using var call = Client(host).Evaluate(request, deadline: StageHost.Deadline);
        EvaluateResponse? last = null;
        await foreach (var message in call.ResponseStream.ReadAllAsync())
            last = message;
        Assert.Equal((9, hostile ? 2 : 0, 1.0), (last!.Result.Images, last.Result.SkippedImages, last.Result.Top5));
        Assert.InRange(last.Result.Top1, 0, 1);
    }

    [Fact]
    public async Task Evaluate_WithoutLabels_SaysThatTheyAreNeeded()
    {
        await using var host = await StartedAsync();
        var request = new EvaluateRequest { Network = new Networks.V1.Network { Digest = await host.NetworkAsync() }, ImageSetDigest = await host.ImagesAsync(3) };
        using var call = Client(host).Evaluate(request, deadline: StageHost.Deadline);
        var error = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            await foreach (var message in call.ResponseStream.ReadAllAsync())
                Assert.Null(message.Result);
        });
        Assert.Equal(StatusCode.FailedPrecondition, error.StatusCode);
        Assert.Contains("labels are needed", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Train_LabeledImages_ChangesTheWeights()
    {
        await using var host = await StartedAsync();
        var network = await host.NetworkAsync();
        var request = new TrainRequest
        {
            Network = new Networks.V1.Network { Digest = network }, ImageSetDigest = await host.ImagesAsync(8, labeled: true), Seed = 1,
            Optimizer = new OptimizerSettings { Iterations = 2, BatchSize = 4, LearningRate = 0.01 },
        };
        using var call = Client(host).Train(request, deadline: StageHost.Deadline);
        TrainResponse? last = null;
        await foreach (var message in call.ResponseStream.ReadAllAsync())
            last = message;
        Assert.NotEqual(network, last!.Result.NetworkDigest);
        Assert.True(last.Result.LastLoss > 0);
    }

    private static Task<StageHost> StartedAsync() => StageHost.StartedAsync(services => services.AddFinetuner(), app => app.MapFinetuner());

    private static FinetunerService.FinetunerServiceClient Client(StageHost host) => new(host.Channel);

    private static async Task<FinetuneRequest> RequestAsync(StageHost host, int iterations) => new()
    {
        TeacherDigest = await host.NetworkAsync(),
        Edits = { new Networks.V1.Edit { DropBlock = new Networks.V1.DropBlock { Block = "layer2.1" } } },
        ImageSetDigest = await host.ImagesAsync(6),
        Seed = 3,
        Optimizer = new OptimizerSettings { Iterations = iterations, BatchSize = 4 },
    };

    private static async Task<FinetuneResponse> FinetuneAsync(StageHost host, FinetuneRequest request)
    {
        using var call = Client(host).Finetune(request, deadline: StageHost.Deadline);
        FinetuneResponse? last = null;
        await foreach (var message in call.ResponseStream.ReadAllAsync())
            last = message;
        return last!;
    }
}

/// <summary>Requests with one thing changed.</summary>
file static class Changed
{
    public static FinetuneRequest With(this FinetuneRequest request, Action<FinetuneRequest> change)
    {
        var changed = request.Clone();
        change(changed);
        return changed;
    }
}
