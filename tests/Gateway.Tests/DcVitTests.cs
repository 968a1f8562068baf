using System.Text.Json;
using Fewshot.Compression.V1;
using Fewshot.Finetuning.V1;
using Fewshot.Networks.V1;
using Fewshot.Trials.V1;

namespace Fewshot.Gateway.Tests;

public sealed class DcVitTests
{
    [Fact]
    public async Task DcVit_MacsRatio_GoesTheMethodsWayAndReportsAllThatIsAsked()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var job = await rig.StartAsync("r1", await rig.DcVitAsync());
        Assert.Equal("dcvit", job.Kind);
        var (ended, report) = await EndedAsync(rig, job);

        Assert.Equal("fewshot.report/1", report.GetProperty("schema").GetString());
        Assert.Equal("dcvit", report.GetProperty("method").GetString());
        Assert.Equal("cross-entropy", report.GetProperty("criterion").GetString());
        Assert.Equal(5, report.GetProperty("samples").GetInt32());
        Assert.Equal("""{"blocks":2,"kept_hidden":20,"macs_target":560,"macs":560,"macs_convention":"standard"}""", Compact(report.GetProperty("structure")));
        var synthetic = report.GetProperty("synthetic");
        Assert.Equal((10, 0.8), (synthetic.GetProperty("images").GetInt32(), synthetic.GetProperty("teacher_top1").GetDouble()));
        Assert.True(synthetic.GetProperty("seconds").GetDouble() >= 0);
        var (teacher, result) = (report.GetProperty("teacher"), report.GetProperty("result"));
        Assert.Equal((700, 560), (teacher.GetProperty("macs").GetInt64(), result.GetProperty("macs").GetInt64()));
        Assert.Equal((0.9, 0.7, 0.88), (Top1(teacher), Math.Round(result.GetProperty("top1_before_finetune").GetDouble(), 9), Top1(result)));
        Assert.Equal((0.2, 0.2), (report.GetProperty("latency_reduction").GetDouble(), report.GetProperty("macs_reduction").GetDouble()));

        var blocks = report.GetProperty("blocks").EnumerateArray().ToArray();
        Assert.Equal(["blocks.1 3 False 0.3", "blocks.2 1 True 0.1", "blocks.3 2 True 0.2", "blocks.4 4 False 0.4"], blocks.Select(block =>
            $"{block.GetProperty("name")} {block.GetProperty("rank")} {block.GetProperty("chosen").GetBoolean()} {block.GetProperty("metric")}"));
        Assert.All(blocks, block => Assert.Equal((4, 3), (block.GetProperty("first_loss").GetDouble(), block.GetProperty("last_loss").GetDouble())));
        Assert.Equal(
            ["blocks.2 0.89 4 3  trials/0", "blocks.3 0.88 2 1 0 finetune/2"],
            report.GetProperty("progressive").EnumerateArray().Select(step =>
                $"{step.GetProperty("block")} {Top1(step)} {step.GetProperty("first_loss")} {step.GetProperty("last_loss")} {(step.GetProperty("seconds").ValueKind == JsonValueKind.Null ? "" : "0")} {step.GetProperty("step")}"));
        Assert.Equal(
            ["evaluate/teacher", "synthesize/metric/0", "trials/0", "evaluate/before", "evaluate/1", "finetune/2", "evaluate/2", "profile/result"],
            report.GetProperty("steps").EnumerateArray().Select(step => step.GetProperty("name").GetString()));
        Assert.Equal((1, 1, 1), (rig.Stages.RunsOf("compressions"), rig.Stages.RunsOf("finetune"), rig.Stages.RunsOf("profile")));
        Assert.Equal(ended.Result.ModelDigest, report.GetProperty("artifacts").GetProperty("model").GetString());
    }

    [Fact]
    public async Task DcVit_FirstStep_IsTheBestTrialsOwnNetwork()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.DcVitAsync(dcvit => dcvit.Candidates.Add(["blocks.3", "blocks.0", "blocks.5"]));
        var (ended, _) = await EndedAsync(rig, await rig.StartAsync("r1", spec));
        var last = FinetuneRequest.Parser.ParseFrom(await rig.GetAsync(ended.Result.ModelDigest));
        Assert.Equal((spec.NetworkDigest, spec.ImageSetDigest, spec.Seed), (last.TeacherDigest, last.ImageSetDigest, last.Seed));
        Assert.Equal(10, last.Mimic.Iterations);
        var first = TryCompressionsRequest.Parser.ParseFrom(await rig.GetAsync(last.StartDigest));
        Assert.Equal("blocks.3", Assert.Single(first.Candidates).CompressBlock.Block);
        Assert.Equal((20, HiddenSelection.Random, spec.Seed), (first.Candidates[0].CompressBlock.Hidden, first.Candidates[0].CompressBlock.Selection, first.Candidates[0].CompressBlock.Seed));
        // The blocks with the same metric keep their order; images to judge on are made with another seed than images to train on would be.
        Assert.Equal("blocks.0", Assert.Single(last.Edits).CompressBlock.Block);
        Assert.DoesNotContain($"{spec.Seed}:", System.Text.Encoding.ASCII.GetString(await rig.GetAsync(first.MetricSetDigest)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task DcVit_MoreWorkers_GiveTheSameNetwork()
    {
        await using var one = await GatewayRig.StartedAsync();
        var (alone, _) = await EndedAsync(one, await one.StartAsync("r1", await one.DcVitAsync()));
        await using var four = await GatewayRig.StartedAsync();
        var spec = await four.DcVitAsync();
        await four.StopAsync();
        var workers = new[] { await four.StartWorkerAsync(four.Stages), await four.StartWorkerAsync(four.Stages), await four.StartWorkerAsync(four.Stages) };
        await four.StartAsync(options => Array.ForEach(workers, worker => options.BlockTrials.Add(GatewayRig.AddressOf(worker))));
        var (shared, report) = await EndedAsync(four, await four.StartAsync("r1", spec));
        foreach (var worker in workers)
            await worker.DisposeAsync();
        Assert.Equal(3, four.Stages.RunsOf("compressions"));
        Assert.Equal(3, report.GetProperty("steps").EnumerateArray().Count(step => step.GetProperty("name").GetString()!.StartsWith("trials/", StringComparison.Ordinal)));
        Assert.Equal(alone.Result.ModelDigest, shared.Result.ModelDigest);
    }

    public static TheoryData<string, Action<DcVitSpec>, string, string> Ablations => new()
    {
        { "at once", spec => spec.AtOnce = true, "finetune/1", "blocks.2, blocks.3" },
        { "extra blocks", spec => spec.ExtraBlocks = 1, "trials/0 finetune/2 finetune/3", "blocks.2|blocks.3|blocks.1" },
        { "one block", spec => spec.MacsRatio = 0.9, "trials/0", "blocks.2" },
        { "one block at once", spec => (spec.MacsRatio, spec.AtOnce) = (0.9, true), "trials/0", "blocks.2" },
        { "latency", spec => spec.LatencyReduction = 0.2, "trials/0 finetune/2", "blocks.2|blocks.3" },
    };

    [Theory]
    [MemberData(nameof(Ablations))]
    public async Task DcVit_Ablation_TakesItsSteps(string name, Action<DcVitSpec> change, string steps, string blocks)
    {
        await using var rig = await GatewayRig.StartedAsync();
        var (_, report) = await EndedAsync(rig, await rig.StartAsync(name.Replace(' ', '-'), await rig.DcVitAsync(change)));
        var progressive = report.GetProperty("progressive").EnumerateArray().ToArray();
        Assert.Equal(steps, string.Join(' ', progressive.Select(step => step.GetProperty("step").GetString())));
        Assert.Equal(blocks, string.Join('|', progressive.Select(step => step.GetProperty("block").GetString())));
    }

    [Fact]
    public async Task DcVit_LatencyReduction_MeasuresStructuresAndTakesTheLargestThatMeetsIt()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var (_, report) = await EndedAsync(rig, await rig.StartAsync("r1", await rig.DcVitAsync(spec => spec.LatencyReduction = 0.2)));
        // The toy's latency is its MACs: the structure is that of the ratio 0.8.
        Assert.Equal("""{"blocks":2,"kept_hidden":20,"macs_target":null,"macs":560,"macs_convention":"standard"}""", Compact(report.GetProperty("structure")));
        Assert.Contains(report.GetProperty("steps").EnumerateArray(), step => step.GetProperty("name").GetString() == "profile/structure-0");
        Assert.Equal(0.2, report.GetProperty("latency_reduction").GetDouble(), 9);
        Assert.Equal((0.2, JsonValueKind.Null), (report.GetProperty("settings").GetProperty("latency_reduction").GetDouble(), report.GetProperty("settings").GetProperty("macs_ratio").ValueKind));
    }

    [Fact]
    public async Task DcVit_EverySetting_ReachesTheStages()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.DcVitAsync(dcvit =>
        {
            dcvit.Metric = CompressionMetric.Mse;
            dcvit.FeaturePoint = FeaturePoint.LastTrained;
            dcvit.Selection = HiddenSelection.Activation;
            dcvit.Training = new MimicTraining { Iterations = 7, LearningRate = 0.5, WeightDecay = 0.25, GradientClip = 2, WarmupFraction = 0.125, Initialization = Initialization.Random, AllBlocks = true };
        });
        var (ended, report) = await EndedAsync(rig, await rig.StartAsync("r1", spec));
        var last = FinetuneRequest.Parser.ParseFrom(await rig.GetAsync(ended.Result.ModelDigest));
        var trial = TryCompressionsRequest.Parser.ParseFrom(await rig.GetAsync(last.StartDigest));
        var training = spec.Dcvit.Training.Clone();
        training.BatchSize = 64;
        Assert.Equal((training, training), (last.Mimic, trial.Training));
        Assert.Equal((FeaturePoint.LastTrained, FeaturePoint.LastTrained, CompressionMetric.Mse), (last.FeaturePoint, trial.FeaturePoint, trial.Metric));
        Assert.Equal(HiddenSelection.Activation, last.Edits[0].CompressBlock.Selection);
        // Which units stay is found out in training, so there is nothing to evaluate before.
        Assert.Equal(JsonValueKind.Null, report.GetProperty("result").GetProperty("top1_before_finetune").ValueKind);
        Assert.Contains("hidden units", report.GetProperty("notes")[0].GetString(), StringComparison.Ordinal);
        Assert.Equal("last_trained", report.GetProperty("settings").GetProperty("feature").GetString());
    }

    [Fact]
    public async Task DcVit_TrainLossMetric_NeedsNoSyntheticImages()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var (_, report) = await EndedAsync(rig, await rig.StartAsync("r1", await rig.DcVitAsync(spec => spec.Metric = CompressionMetric.TrainLoss)));
        Assert.Equal(JsonValueKind.Null, report.GetProperty("synthetic").ValueKind);
        Assert.Equal(0, rig.Stages.RunsOf("synthesize"));
    }

    [Fact]
    public async Task DcVit_MetricThatIsNoNumber_RanksLastWithANote()
    {
        await using var rig = await GatewayRig.StartedAsync();
        rig.Stages.Metrics["blocks.2"] = double.NaN;
        var (_, report) = await EndedAsync(rig, await rig.StartAsync("r1", await rig.DcVitAsync()));
        var block = report.GetProperty("blocks").EnumerateArray().Single(b => b.GetProperty("name").GetString() == "blocks.2");
        Assert.Equal((4, JsonValueKind.Null, false), (block.GetProperty("rank").GetInt32(), block.GetProperty("metric").ValueKind, block.GetProperty("chosen").GetBoolean()));
        Assert.Contains("no finite value", block.GetProperty("note").GetString(), StringComparison.Ordinal);
        Assert.Equal("blocks.3", report.GetProperty("progressive")[0].GetProperty("block").GetString());
    }

    [Fact]
    public async Task DcVit_NoMetricIsANumber_TheJobSaysSo()
    {
        await using var rig = await GatewayRig.StartedAsync();
        foreach (var name in rig.Stages.Metrics.Keys.ToArray())
            rig.Stages.Metrics[name] = double.NaN;
        var ended = await rig.EndOfAsync((await rig.StartAsync("r1", await rig.DcVitAsync())).Id);
        Assert.Equal(JobState.Failed, ended.State);
        Assert.Contains("lower the learning rate", ended.StatusMessage, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0.9, "layer3.1|layer1.2")]
    [InlineData(0.95, "layer3.1")]
    public async Task DcVit_NetworkWithoutAttention_LosesWholeBlocks(double ratio, string blocks)
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.DcVitAsync(dcvit => dcvit.MacsRatio = ratio);
        rig.Stages.Network = FakeNetwork.Toy;
        var (ended, report) = await EndedAsync(rig, await rig.StartAsync("r1", spec));
        Assert.Equal(blocks, string.Join('|', report.GetProperty("progressive").EnumerateArray().Select(step => step.GetProperty("block").GetString())));
        Assert.Equal(JsonValueKind.Null, report.GetProperty("structure").GetProperty("kept_hidden").ValueKind);
        Assert.Equal(6, report.GetProperty("blocks").GetArrayLength());
        if (blocks.Contains('|', StringComparison.Ordinal))
            Assert.Equal("layer1.2", FinetuneRequest.Parser.ParseFrom(await rig.GetAsync(ended.Result.ModelDigest)).Edits[0].DropBlock.Block);
    }

    [Fact]
    public async Task DcVit_NetworkWithoutAttentionByLatency_DropsTheFewestMeasured()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.DcVitAsync(dcvit => dcvit.LatencyReduction = 0.2);
        rig.Stages.Network = FakeNetwork.Toy;
        var (_, report) = await EndedAsync(rig, await rig.StartAsync("r1", spec));
        Assert.Equal(2, report.GetProperty("structure").GetProperty("blocks").GetInt32());
        Assert.Equal(160 / 760.0, report.GetProperty("latency_reduction").GetDouble(), 9);
    }

    [Fact]
    public async Task DcVit_GatewayRestarted_ContinuesFromItsFinishedSteps()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var entered = rig.Stages.HoldAsync("finetune");
        var id = (await rig.StartAsync("r1", await rig.DcVitAsync())).Id;
        await entered;
        await rig.StopAsync();

        rig.Stages.OnRun = (_, _) => { };
        await rig.StartAsync();
        Assert.Equal((JobState.Succeeded, ""), await StateAsync(rig, id));
        Assert.Equal((1, 1, 2), (rig.Stages.RunsOf("synthesize"), rig.Stages.RunsOf("compressions"), rig.Stages.RunsOf("finetune")));
    }

    internal static async Task<(Job Job, JsonElement Report)> EndedAsync(GatewayRig rig, Job job)
    {
        var ended = await rig.EndOfAsync(job.Id);
        Assert.Equal((JobState.Succeeded, ""), (ended.State, ended.StatusMessage));
        return (ended, JsonDocument.Parse(await rig.GetAsync(ended.Result.ReportDigest)).RootElement);
    }

    private static async Task<(JobState State, string Message)> StateAsync(GatewayRig rig, string id)
    {
        var ended = await rig.EndOfAsync(id);
        return (ended.State, ended.StatusMessage);
    }

    private static double Top1(JsonElement row) => Math.Round(row.GetProperty("top1").GetDouble(), 9);

    private static string Compact(JsonElement element) => JsonSerializer.Serialize(element);
}
