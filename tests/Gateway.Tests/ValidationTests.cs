using Fewshot.Compression.V1;
using Fewshot.Finetuning.V1;
using Fewshot.Stages.V1;
using Grpc.Core;

namespace Fewshot.Gateway.Tests;

public sealed class ValidationTests
{
    public static TheoryData<string, Action<CompressionSpec>, string> Faults => new()
    {
        { "no digest", spec => spec.NetworkDigest = "", "spec.network_digest: must be sha256:" },
        { "bad digest", spec => spec.ImageSetDigest = "sha256:AB", "spec.image_set_digest: must be sha256:" },
        { "two kinds of images", spec => spec.SyntheticImages = new ImageSynthesis(), "spec.synthetic_images: excludes image_set_digest" },
        { "synthetic images", spec => (spec.ImageSetDigest, spec.SyntheticImages) = ("", new ImageSynthesis { Iterations = -1 }), "spec.synthetic_images.iterations: must be from 1 to" },
        { "no method", spec => spec.Practise = null, "spec.method: is missing" },
        { "no target", spec => spec.Practise.ClearTarget(), "spec.practise.target: must be one of drop_count" },
        { "k zero", spec => spec.Practise.DropCount = 0, "spec.practise.drop_count: must be at least 1" },
        { "k too large", spec => spec.Practise.DropCount = 7, "spec.practise.drop_count: Cannot drop 7 blocks: from 1 to 6 can go. Droppable blocks: layer1.1, layer1.2" },
        { "unknown block", spec => spec.Practise.Blocks = new BlockNames { Names = { "layer9.9" } }, "spec.practise.blocks: Not a droppable block: 'layer9.9'. Droppable blocks: layer1.1" },
        { "undroppable block", spec => spec.Practise.Blocks = new BlockNames { Names = { "layer1.0" } }, "Not a droppable block: 'layer1.0'" },
        {
            "too many blocks", spec => spec.Practise.Blocks = new BlockNames { Names = { Enumerable.Repeat("layer1.1", 1001) } },
            "spec.practise.blocks.names: lists 1001 items; at most 1000 are accepted."
        },
        { "no block", spec => spec.Practise.Blocks = new BlockNames(), "No block is named" },
        { "latency of one", spec => spec.Practise.LatencyReduction = 1, "spec.practise.latency_reduction: must lie strictly between 0 and 1" },
        { "macs unreachable", spec => spec.Practise.MacsReduction = 0.9, "spec.practise.macs_reduction: 90.0 % cannot be reached" },
        { "macs nan", spec => spec.Practise.MacsReduction = double.NaN, "spec.practise.macs_reduction: must lie" },
        { "latency by macs", spec => (spec.Practise.LatencyReduction, spec.Practise.Tau) = (0.2, TauSource.Macs), "spec.practise.latency_reduction: needs latencies" },
        { "iterations", spec => spec.Practise.TrialIterations = -1, "spec.practise.trial_iterations: must be from 1 to" },
        { "rate", spec => spec.Practise.TrialLearningRate = double.PositiveInfinity, "spec.practise.trial_learning_rate: must be" },
        { "finetune rate", spec => spec.Practise.Finetune = new OptimizerSettings { LearningRate = -1 }, "spec.practise.finetune.learning_rate: must be" },
        { "momentum", spec => spec.Practise.Finetune = new OptimizerSettings { Momentum = 1.5 }, "spec.practise.finetune.momentum: must be" },
        { "batch", spec => spec.Practise.BatchSize = 1_000_000, "spec.practise.batch_size: must be from 1 to 65536" },
        { "criterion", spec => spec.Practise.Criterion = (Trials.V1.Criterion)77, "spec.practise.criterion: must be one of" },
        { "device", spec => spec.Compute = new ComputeOptions { Device = (Device)9 }, "spec.compute.device: must be one of" },
        { "mixed on cpu", spec => spec.Compute = new ComputeOptions { MixedPrecision = true }, "spec.compute.mixed_precision: needs" },
        { "profile missing", spec => spec.Practise.Tau = TauSource.Profile, "spec.practise.latency_profile_digest: must be sha256:" },
        { "profile is none", spec => (spec.Practise.Tau, spec.Practise.LatencyProfileDigest) = (TauSource.Profile, spec.ImageSetDigest), "spec.practise.latency_profile_digest: is not a saved latency profile" },
    };

    public static TheoryData<string, Action<CompressionSpec>, string> DcVitFaults => new()
    {
        { "no target", spec => spec.Dcvit.ClearTarget(), "spec.dcvit.target: must be one of macs_ratio, latency_reduction" },
        { "ratio of one", spec => spec.Dcvit.MacsRatio = 1, "spec.dcvit.macs_ratio: must lie strictly between 0 and 1" },
        { "ratio below zero", spec => spec.Dcvit.MacsRatio = -0.5, "spec.dcvit.macs_ratio: must lie strictly between 0 and 1" },
        { "latency nan", spec => spec.Dcvit.LatencyReduction = double.NaN, "spec.dcvit.latency_reduction: must lie" },
        { "ratio too small", spec => spec.Dcvit.MacsRatio = 0.3, "spec.dcvit.macs_ratio: A MACs ratio of 0.3 cannot be reached by compressing up to 4 blocks. Nearest: 0.4" },
        { "ratio in a gap", spec => spec.Dcvit.MacsRatio = 0.97, "(1 block keeping 50 of 50 hidden units)" },
        { "unknown candidate", spec => spec.Dcvit.Candidates.Add("blocks.9"), "spec.dcvit.candidates: 'blocks.9' is no compressible block. There are blocks.0, blocks.1" },
        { "candidate twice", spec => spec.Dcvit.Candidates.Add(["blocks.1", "blocks.1"]), "spec.dcvit.candidates: names a block twice" },
        { "too many extra", spec => spec.Dcvit.ExtraBlocks = 4, "spec.dcvit.macs_ratio: A MACs ratio of 0.8 cannot be reached by compressing up to 4 blocks with 4 more" },
        { "iterations", spec => spec.Dcvit.Training.Iterations = -1, "spec.dcvit.training.iterations: must be from 1 to" },
        { "rate", spec => spec.Dcvit.Training.LearningRate = double.PositiveInfinity, "spec.dcvit.training.learning_rate: must be" },
        { "clip", spec => spec.Dcvit.Training.GradientClip = -1, "spec.dcvit.training.gradient_clip: must be" },
        { "metric", spec => spec.Dcvit.Metric = (Trials.V1.CompressionMetric)9, "spec.dcvit.metric: must be one of" },
        { "initialization", spec => spec.Dcvit.Training.Initialization = (Trials.V1.Initialization)9, "spec.dcvit.training.initialization: must be one of" },
        { "selection", spec => spec.Dcvit.Selection = (Networks.V1.HiddenSelection)9, "spec.dcvit.selection: must be one of" },
        { "metric images", spec => spec.Dcvit.MetricImages.Images = -3, "spec.dcvit.metric_images.images: must be from 1 to" },
        { "no ratio", spec => spec.Pareto = new ParetoSpec(), "spec.pareto.macs_ratios: takes 1 to 100 ratios" },
        { "ratio twice", spec => spec.Pareto = new ParetoSpec { MacsRatios = { 0.8, 0.8 } }, "spec.pareto.macs_ratios: names a ratio twice" },
        { "one ratio of several too small", spec => spec.Pareto = new ParetoSpec { MacsRatios = { 0.8, 0.2 } }, "spec.pareto.macs_ratios: A MACs ratio of 0.2 cannot be reached" },
        { "bad training of several", spec => spec.Pareto = new ParetoSpec { Dcvit = new DcVitSpec { LatencyRuns = -1 }, MacsRatios = { 0.8 } }, "spec.pareto.dcvit.latency_runs: must be" },
    };

    [Theory]
    [MemberData(nameof(DcVitFaults))]
    public async Task StartCompression_BadFieldOfDcVit_NamesItAndWhatIsAccepted(string name, Action<CompressionSpec> spoil, string message)
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.DcVitAsync();
        spoil(spec);
        await RefusedAsync(rig, name, spec, message);
    }

    [Fact]
    public async Task StartCompression_DcVitOfWhatCannotBeCompressed_SaysWhy()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.DcVitAsync();
        rig.Stages.Network = FakeNetwork.Vit with { Blocks = [FakeNetwork.Vit.Blocks[0], FakeNetwork.Vit.Blocks[5]] };
        await RefusedAsync(rig, "ends only", spec, "spec.dcvit.candidates: toy_vit has no block left to compress but its first and last");
        // Another network has another digest.
        spec.NetworkDigest = await rig.PutAsync("all compressed"u8.ToArray());
        rig.Stages.Network = FakeNetwork.Vit with { Blocks = FakeNetwork.Vit.Describe(FakeNetwork.Vit.Blocks.Select(Compressed)).Blocks };
        await RefusedAsync(rig, "all compressed", spec, "spec.network_digest: toy_vit has no block left to compress.");
        spec.NetworkDigest = await rig.PutAsync("whole blocks"u8.ToArray());
        rig.Stages.Network = FakeNetwork.Toy;
        spec.Dcvit.MacsRatio = 0.1;
        await RefusedAsync(rig, "whole blocks", spec, "spec.dcvit.macs_ratio: A MACs ratio of 0.1 cannot be reached by dropping whole blocks");
        (spec.Dcvit.MacsRatio, spec.Dcvit.ExtraBlocks) = (0.9, 1);
        await RefusedAsync(rig, "extra", spec, "spec.dcvit.extra_blocks: toy loses whole blocks");
    }

    [Theory]
    [MemberData(nameof(Faults))]
    public async Task StartCompression_BadField_NamesItAndWhatIsAccepted(string name, Action<CompressionSpec> spoil, string message)
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.SpecAsync();
        spoil(spec);
        await RefusedAsync(rig, name, spec, message);
    }

    [Fact]
    public async Task StartCompression_DigestNotStored_NotFoundWithTheDigest()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.SpecAsync();
        spec.EvaluationSetDigest = "sha256:" + new string('0', 64);
        var error = await Assert.ThrowsAsync<RpcException>(() => rig.StartAsync("r1", spec));
        Assert.Equal(StatusCode.NotFound, error.StatusCode);
        Assert.Contains(spec.EvaluationSetDigest, error.Status.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("with blank")]
    [InlineData("../up")]
    public async Task StartCompression_BadRequestId_IsRefused(string id)
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.SpecAsync();
        var error = await Assert.ThrowsAsync<RpcException>(() => rig.StartAsync(id, spec));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.StartsWith("request_id: ", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StartStage_Nothing_IsRefused()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var error = await Assert.ThrowsAsync<RpcException>(() => rig.Jobs.StartStageAsync(new StartStageRequest { RequestId = "x" }).ResponseAsync);
        Assert.Equal("stage: must be one of profile, trials, finetune, evaluate, train, synthesize.", error.Status.Detail);
    }

    private static async Task RefusedAsync(GatewayRig rig, string name, CompressionSpec spec, string message)
    {
        var error = await Assert.ThrowsAsync<RpcException>(() => rig.StartAsync("r1", spec));
        Assert.True(error.StatusCode == StatusCode.InvalidArgument, $"{name}: {error.Status}");
        Assert.Contains(message, error.Status.Detail, StringComparison.Ordinal);
        Assert.Empty((await rig.Jobs.ListJobsAsync(new ListJobsRequest(), deadline: GatewayRig.Deadline)).Jobs);
    }

    private static Networks.V1.Edit Compressed(Networks.V1.Block block) => new() { CompressBlock = new Networks.V1.CompressBlock { Block = block.Name, Hidden = 5 } };
}
