using System.Text.Json;
using Fewshot.Compression.V1;
using Fewshot.Finetuning.V1;
using Fewshot.Trials.V1;

namespace Fewshot.Gateway.Tests;

public sealed class ParetoTests
{
    [Fact]
    public async Task Pareto_FourTargets_ShareTrialsImagesAndOneMeasurement()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var job = await rig.StartAsync("r1", await ParetoAsync(rig, 0.6, 0.9, 0.85, 0.7));
        Assert.Equal("pareto", job.Kind);
        var (ended, report) = await DcVitTests.EndedAsync(rig, job);
        Assert.Equal((1, 1, 1), (rig.Stages.RunsOf("synthesize"), rig.Stages.RunsOf("compressions"), rig.Stages.RunsOf("profile")));

        Assert.Equal("pareto", report.GetProperty("method").GetString());
        var targets = report.GetProperty("targets").EnumerateArray().ToArray();
        // The blocks are 90 MACs each at most, 40 of them attention: 70, 105, 210 and 280 of 700 shall go.
        Assert.Equal(
            ["0.9 1 20 630 630 1", "0.85 2 38 595 596 2", "0.7 3 20 490 490 3", "0.6 4 20 420 420 4"],
            targets.Select(target =>
            {
                var structure = target.GetProperty("structure");
                return $"{target.GetProperty("macs_ratio")} {structure.GetProperty("blocks")} {structure.GetProperty("kept_hidden")} {structure.GetProperty("macs_target")} {structure.GetProperty("macs")} {target.GetProperty("progressive").GetArrayLength()}";
            }));
        Assert.All(targets, target =>
        {
            Assert.Equal(target.GetProperty("structure").GetProperty("macs").GetInt64(), target.GetProperty("result").GetProperty("latency_us").GetDouble());
            Assert.Equal(target.GetProperty("macs_reduction").GetDouble(), target.GetProperty("latency_reduction").GetDouble(), 9);
            Assert.True(target.GetProperty("result").GetProperty("top1").GetDouble() > 0.8);
        });
        Assert.Equal("", ended.Result.ModelDigest);
        Assert.Equal(targets.Select(target => (target.GetProperty("macs_ratio").GetDouble(), target.GetProperty("model").GetString()!)), ended.Result.Models.Select(m => (m.MacsRatio, m.ModelDigest)));
        Assert.Equal(4, ended.Result.Models.Select(model => model.ModelDigest).Distinct().Count());
        Assert.Equal(JsonValueKind.Null, report.GetProperty("artifacts").GetProperty("model").ValueKind);
    }

    [Fact]
    public async Task Pareto_Trials_AreTheMiddleTargetsAndOnlyItsStructureReusesThem()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var (ended, report) = await DcVitTests.EndedAsync(rig, await rig.StartAsync("r1", await ParetoAsync(rig, 0.9, 0.85, 0.7)));
        var first = report.GetProperty("targets").EnumerateArray().Select(target => target.GetProperty("progressive")[0].GetProperty("step").GetString());
        Assert.Equal(["finetune/0.90/1", "trials/0", "finetune/0.70/1"], first);
        var middle = FinetuneRequest.Parser.ParseFrom(await rig.GetAsync(ended.Result.Models[1].ModelDigest));
        Assert.Equal(38, TryCompressionsRequest.Parser.ParseFrom(await rig.GetAsync(middle.StartDigest)).Candidates[0].CompressBlock.Hidden);
        var anew = FinetuneRequest.Parser.ParseFrom(await rig.GetAsync(ended.Result.Models[0].ModelDigest));
        Assert.Equal(("", 20, "blocks.2"), (anew.StartDigest, anew.Edits[0].CompressBlock.Hidden, anew.Edits[0].CompressBlock.Block));
    }

    [Fact]
    public async Task Pareto_EqualFirstSteps_AreRunOnce()
    {
        await using var rig = await GatewayRig.StartedAsync();
        // 0.9, 0.7 and 0.6 keep 20 hidden units of one, three and four blocks and start from the trial; 0.85 keeps 38 of two and starts anew.
        var (_, report) = await DcVitTests.EndedAsync(rig, await rig.StartAsync("r1", await ParetoAsync(rig, 0.9, 0.85, 0.7, 0.6)));
        Assert.Equal(7, report.GetProperty("steps").EnumerateArray().Count(step => step.GetProperty("name").GetString()!.StartsWith("finetune/", StringComparison.Ordinal)));
        Assert.Equal((2 + 3, 1), (rig.Stages.RunsOf("finetune"), rig.Stages.RunsOf("compressions")));
    }

    [Fact]
    public async Task Pareto_OneTarget_GivesTheNetworkThatDcVitGives()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var (several, _) = await DcVitTests.EndedAsync(rig, await rig.StartAsync("r1", await ParetoAsync(rig, 0.8)));
        var (one, _) = await DcVitTests.EndedAsync(rig, await rig.StartAsync("r2", await rig.DcVitAsync()));
        Assert.Equal(one.Result.ModelDigest, Assert.Single(several.Result.Models).ModelDigest);
        Assert.Equal(1, rig.Stages.RunsOf("finetune"));
    }

    [Fact]
    public async Task Pareto_NetworkWithoutAttention_GoesOnFromTarget()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await ParetoAsync(rig, 0.95, 0.9, 0.7);
        rig.Stages.Network = FakeNetwork.Toy;
        var (_, report) = await DcVitTests.EndedAsync(rig, await rig.StartAsync("r1", spec));
        Assert.Equal([1, 2, 3], report.GetProperty("targets").EnumerateArray().Select(target => target.GetProperty("progressive").GetArrayLength()));
        // The trial serves all as the first step, and the second step is the same for two of them.
        Assert.Equal((1 + 1, 3), (rig.Stages.RunsOf("finetune"), rig.Stages.RunsOf("compressions")));
    }

    private static async Task<CompressionSpec> ParetoAsync(GatewayRig rig, params double[] ratios)
    {
        var spec = await rig.DcVitAsync();
        var dcvit = spec.Dcvit;
        spec.Pareto = new ParetoSpec { Dcvit = dcvit, MacsRatios = { ratios } };
        return spec;
    }
}
