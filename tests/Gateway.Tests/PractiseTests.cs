using System.Text.Json;
using Fewshot.Compression.V1;
using Fewshot.Profiling.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Fewshot.Gateway.Tests;

public sealed class PractiseTests
{
    [Fact]
    public async Task Practise_DropTwo_ReportsAllThatIsAsked()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var job = await rig.StartAsync("r1", await rig.SpecAsync());
        Assert.Equal("practise", job.Kind);
        var ended = await rig.EndOfAsync(job.Id);
        Assert.Equal((JobState.Succeeded, ""), (ended.State, ended.StatusMessage));

        var model = await rig.GetAsync(ended.Result.ModelDigest);
        var finetuned = Finetuning.V1.FinetuneRequest.Parser.ParseFrom(model);
        Assert.Equal(["layer1.2", "layer3.1"], finetuned.Edits.Select(edit => edit.DropBlock.Block));

        var report = JsonDocument.Parse(await rig.GetAsync(ended.Result.ReportDigest)).RootElement;
        Assert.Equal("fewshot.report/1", report.GetProperty("schema").GetString());
        Assert.Equal("practise", report.GetProperty("method").GetString());
        Assert.Equal("toy", report.GetProperty("arch").GetString());
        Assert.Equal(2021, report.GetProperty("seed").GetInt64());
        Assert.Equal(5, report.GetProperty("samples").GetInt32());
        Assert.Equal("toy device", report.GetProperty("device").GetProperty("name").GetString());
        var (teacher, result) = (report.GetProperty("teacher"), report.GetProperty("result"));
        Assert.Equal(0.9, teacher.GetProperty("top1").GetDouble());
        Assert.Equal(760, teacher.GetProperty("latency_us").GetDouble());
        Assert.Equal(760, teacher.GetProperty("macs").GetInt64());
        Assert.Equal(0.7, result.GetProperty("top1_before_finetune").GetDouble(), 9);
        Assert.Equal(600, result.GetProperty("latency_us").GetDouble());
        Assert.Equal(600, result.GetProperty("latency_p50_us").GetDouble());
        Assert.Equal(160 / 760.0, report.GetProperty("latency_reduction").GetDouble(), 9);
        var blocks = report.GetProperty("blocks").EnumerateArray().ToDictionary(b => b.GetProperty("name").GetString()!);
        Assert.Equal(6, blocks.Count);
        Assert.True(blocks["layer3.1"].GetProperty("dropped").GetBoolean());
        Assert.False(blocks["layer1.3"].GetProperty("dropped").GetBoolean());
        Assert.Equal(1, blocks["layer3.1"].GetProperty("rank").GetInt32());
        Assert.Equal(0.2, blocks["layer1.2"].GetProperty("recoverability").GetDouble());
        Assert.Equal(100 / 760.0, blocks["layer1.2"].GetProperty("tau").GetDouble(), 9);
        Assert.Equal(0.001, blocks["layer1.2"].GetProperty("tau_stderr").GetDouble());
        Assert.Equal(0.2 / (100 / 760.0), blocks["layer1.2"].GetProperty("score").GetDouble(), 9);
        foreach (var part in new[] { "profile", "trials", "finetune", "total" })
            Assert.True(report.GetProperty("seconds").GetProperty(part).GetDouble() >= 0);
        Assert.Equal(
            ["evaluate/teacher", "profile", "trials/0", "trials/1", "trials/2", "evaluate/before", "finetune", "evaluate/after", "profile/result"],
            report.GetProperty("steps").EnumerateArray().Select(step => step.GetProperty("name").GetString()));
        Assert.All(report.GetProperty("steps").EnumerateArray(), step =>
        {
            Assert.False(step.GetProperty("cached").GetBoolean());
            Assert.Equal(64, step.GetProperty("key").GetString()!.Length);
        });
        Assert.Equal(ended.Result.ModelDigest, report.GetProperty("artifacts").GetProperty("model").GetString());
        Assert.Equal(ended.Result.ProfileDigest, report.GetProperty("artifacts").GetProperty("profile").GetString());
        Assert.Equal("layer1.2", report.GetProperty("renamed_blocks").GetProperty("layer1.3").GetString());
    }

    [Fact]
    public async Task Practise_NoEvaluation_AccuraciesAreNullNotMissing()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.SpecAsync(practise => practise.Tau = TauSource.Macs);
        spec.EvaluationSetDigest = "";
        var ended = await rig.EndOfAsync((await rig.StartAsync("r1", spec)).Id);
        var report = JsonDocument.Parse(await rig.GetAsync(ended.Result.ReportDigest)).RootElement;
        Assert.Equal(JsonValueKind.Null, report.GetProperty("teacher").GetProperty("top1").ValueKind);
        Assert.Equal(JsonValueKind.Null, report.GetProperty("result").GetProperty("top1_before_finetune").ValueKind);
        Assert.Equal(JsonValueKind.Null, report.GetProperty("artifacts").GetProperty("evaluation").ValueKind);
        Assert.Equal("macs", report.GetProperty("tau_source").GetString());
        Assert.Equal(0, rig.Stages.RunsOf("evaluate"));
        Assert.Equal(1, rig.Stages.RunsOf("profile"));
    }

    [Fact]
    public async Task Practise_LatencyCannotBeMeasured_IsNullAndSaysWhy()
    {
        await using var rig = await GatewayRig.StartedAsync();
        rig.Stages.OnRun = (stage, _) =>
        {
            if (stage == "profile")
                throw new ServiceDefaults.PreconditionException("the device is shared");
        };
        var ended = await rig.EndOfAsync((await rig.StartAsync("r1", await rig.SpecAsync(practise => practise.Tau = TauSource.Macs))).Id);
        var report = JsonDocument.Parse(await rig.GetAsync(ended.Result.ReportDigest)).RootElement;
        Assert.Equal(JsonValueKind.Null, report.GetProperty("latency_reduction").ValueKind);
        Assert.Equal(JsonValueKind.Null, report.GetProperty("result").GetProperty("latency_us").ValueKind);
        Assert.Contains("the device is shared", report.GetProperty("notes")[0].GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Practise_SameSpecAgain_EveryStepIsFoundDoneAndTheModelIsTheSame()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.SpecAsync();
        var first = await rig.EndOfAsync((await rig.StartAsync("r1", spec)).Id);
        var second = await rig.EndOfAsync((await rig.StartAsync("r2", spec)).Id);
        Assert.NotEqual(first.Id, second.Id);
        Assert.Equal(first.Result.ModelDigest, second.Result.ModelDigest);
        var report = JsonDocument.Parse(await rig.GetAsync(second.Result.ReportDigest)).RootElement;
        Assert.All(report.GetProperty("steps").EnumerateArray(), step => Assert.True(step.GetProperty("cached").GetBoolean()));
        Assert.Equal(1, rig.Stages.RunsOf("finetune"));
    }

    [Fact]
    public async Task Practise_TwoJobsAtOnce_ShareTheirSteps()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.SpecAsync();
        var (one, two) = (await rig.StartAsync("r1", spec), await rig.StartAsync("r2", spec));
        var ended = await Task.WhenAll(rig.EndOfAsync(one.Id), rig.EndOfAsync(two.Id));
        Assert.All(ended, job => Assert.Equal(JobState.Succeeded, job.State));
        Assert.Equal(ended[0].Result.ModelDigest, ended[1].Result.ModelDigest);
        Assert.Equal((1, 3, 3), (rig.Stages.RunsOf("finetune"), rig.Stages.RunsOf("trials"), rig.Stages.RunsOf("evaluate")));
    }

    public static TheoryData<string, PractiseSpec, string[]> Targets => new()
    {
        { "count", new PractiseSpec { DropCount = 1 }, ["layer3.1"] },
        { "latency", new PractiseSpec { LatencyReduction = 0.2 }, ["layer1.2", "layer3.1"] },
        { "macs", new PractiseSpec { MacsReduction = 0.3 }, ["layer1.2", "layer2.1", "layer3.1"] },
        { "params", new PractiseSpec { ParamsReduction = 0.2 }, ["layer3.1"] },
        { "blocks", new PractiseSpec { Blocks = new BlockNames { Names = { "layer2.2", "layer1.1" } } }, ["layer1.1", "layer2.2"] },
        { "criterion", new PractiseSpec { DropCount = 2, Criterion = Trials.V1.Criterion.L2 }, ["layer1.2", "layer3.1"] },
    };

    [Theory]
    [MemberData(nameof(Targets))]
    public async Task Practise_Target_DropsWhatItShould(string name, PractiseSpec target, string[] dropped)
    {
        await using var rig = await GatewayRig.StartedAsync();
        var ended = await rig.EndOfAsync((await rig.StartAsync(name, await rig.SpecAsync(practise => practise.MergeFrom(Without(target, practise))))).Id);
        Assert.Equal("", ended.StatusMessage);
        var finetuned = Finetuning.V1.FinetuneRequest.Parser.ParseFrom(await rig.GetAsync(ended.Result.ModelDigest));
        Assert.Equal(dropped, finetuned.Edits.Select(edit => edit.DropBlock.Block));
    }

    [Fact]
    public async Task Practise_NamedBlocks_NothingIsTried()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var ended = await rig.EndOfAsync((await rig.StartAsync("r1", await rig.SpecAsync(p => p.Blocks = new BlockNames { Names = { "layer1.1" } }))).Id);
        var report = JsonDocument.Parse(await rig.GetAsync(ended.Result.ReportDigest)).RootElement;
        Assert.Equal(0, rig.Stages.RunsOf("trials"));
        Assert.All(report.GetProperty("blocks").EnumerateArray(), block => Assert.Equal(JsonValueKind.Null, block.GetProperty("score").ValueKind));
        Assert.Equal("layer1.1", Assert.Single(report.GetProperty("blocks").EnumerateArray(), block => block.GetProperty("dropped").GetBoolean()).GetProperty("name").GetString());
    }

    [Fact]
    public async Task Practise_SavedProfile_IsUsedAndNoBlockIsMeasured()
    {
        await using var rig = await GatewayRig.StartedAsync();
        // On the target device only layer1.3 saves anything worth its loss.
        var profile = new ProfileResult { Device = new DeviceDescription { Name = "phone", Fingerprint = "p" }, Original = new Measurement { Name = "original" } };
        profile.Candidates.AddRange(FakeStages.Values.Keys.Select(name => new Measurement { Name = name, Tau = name == "layer1.3" ? 0.5 : 0.002, TauStderr = 0.0001 }));
        var digest = await rig.PutAsync(System.Text.Encoding.UTF8.GetBytes(JsonFormatter.Default.Format(profile)));
        var spec = await rig.SpecAsync(practise => (practise.DropCount, practise.Tau, practise.LatencyProfileDigest) = (1, TauSource.Profile, digest));
        var ended = await rig.EndOfAsync((await rig.StartAsync("r1", spec)).Id);
        var report = JsonDocument.Parse(await rig.GetAsync(ended.Result.ReportDigest)).RootElement;
        Assert.Equal("phone", report.GetProperty("tau_device").GetProperty("name").GetString());
        Assert.True(report.GetProperty("blocks").EnumerateArray().Single(b => b.GetProperty("name").GetString() == "layer1.3").GetProperty("dropped").GetBoolean());
        Assert.Equal(1, rig.Stages.RunsOf("profile"));
        Assert.Equal("", ended.Result.ProfileDigest);
    }

    [Fact]
    public async Task Practise_StageFails_TheJobFailsWithItsCodeAndMessage()
    {
        await using var rig = await GatewayRig.StartedAsync();
        rig.Stages.OnRun = (stage, _) =>
        {
            if (stage == "trials")
                throw new ServiceDefaults.PreconditionException("no image of the set can be decoded");
        };
        var ended = await rig.EndOfAsync((await rig.StartAsync("r1", await rig.SpecAsync())).Id);
        Assert.Equal(JobState.Failed, ended.State);
        Assert.Equal((int)StatusCode.FailedPrecondition, ended.StatusCode);
        Assert.Equal("no image of the set can be decoded", ended.StatusMessage);
        Assert.Null(ended.Result);
    }

    private static PractiseSpec Without(PractiseSpec target, PractiseSpec practise)
    {
        practise.ClearTarget();
        return target;
    }
}
