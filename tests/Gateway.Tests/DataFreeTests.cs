using System.Text;
using System.Text.Json;
using Fewshot.Compression.V1;
using Fewshot.Finetuning.V1;
using Fewshot.Trials.V1;

namespace Fewshot.Gateway.Tests;

public sealed class DataFreeTests
{
    [Fact]
    public async Task Practise_SyntheticImages_TrainsOnThem()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = DataFree(await rig.SpecAsync(), 120);
        var (ended, report) = await DcVitTests.EndedAsync(rig, await rig.StartAsync("r1", spec));
        var trained = FinetuneRequest.Parser.ParseFrom(await rig.GetAsync(ended.Result.ModelDigest));
        Assert.Equal(120, Encoding.ASCII.GetString(await rig.GetAsync(trained.ImageSetDigest)).Count(c => c == '\n'));
        Assert.Equal(trained.ImageSetDigest, report.GetProperty("artifacts").GetProperty("images").GetString());
        Assert.Equal(120, report.GetProperty("synthetic").GetProperty("images").GetInt32());
        Assert.Equal(
            ["synthesize/train/0", "synthesize/train/1", "synthesize/train/2", "evaluate/teacher", "profile"],
            report.GetProperty("steps").EnumerateArray().Take(5).Select(step => step.GetProperty("name").GetString()));
    }

    [Fact]
    public async Task Practise_OwnImages_ReportsNoSynthetic()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var (_, report) = await DcVitTests.EndedAsync(rig, await rig.StartAsync("r1", await rig.SpecAsync()));
        Assert.Equal(JsonValueKind.Null, report.GetProperty("synthetic").ValueKind);
    }

    [Fact]
    public async Task DcVit_SyntheticImages_TrainsOnOthersThanItJudgesOn()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = DataFree(await rig.DcVitAsync(), 10);
        var (ended, report) = await DcVitTests.EndedAsync(rig, await rig.StartAsync("r1", spec));
        var last = FinetuneRequest.Parser.ParseFrom(await rig.GetAsync(ended.Result.ModelDigest));
        var trial = TryCompressionsRequest.Parser.ParseFrom(await rig.GetAsync(last.StartDigest));
        Assert.Equal(last.ImageSetDigest, trial.ImageSetDigest);
        Assert.NotEqual(trial.MetricSetDigest, trial.ImageSetDigest);
        Assert.StartsWith($"{spec.Seed}:0\n", Encoding.ASCII.GetString(await rig.GetAsync(trial.ImageSetDigest)), StringComparison.Ordinal);
        Assert.Equal(trial.ImageSetDigest, report.GetProperty("synthetic_training").GetProperty("image_set").GetString());
        Assert.Equal(trial.MetricSetDigest, report.GetProperty("synthetic").GetProperty("image_set").GetString());
        Assert.Equal(2, rig.Stages.RunsOf("synthesize"));
    }

    private static CompressionSpec DataFree(CompressionSpec spec, int images)
    {
        (spec.ImageSetDigest, spec.SyntheticImages) = ("", new ImageSynthesis { Images = images, Iterations = 5 });
        return spec;
    }
}
