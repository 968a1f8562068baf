using Fewshot.Artifacts;
using Fewshot.Compression.V1;
using Fewshot.Gateway.Cluster;
using Fewshot.Gateway.Jobs;
using Grpc.Core;

namespace Fewshot.Gateway.Tests;

/// <summary>Stored things that rot while a job is under way: they are made again where that is possible, and named where it is not.</summary>
public sealed class DamageTests
{
    public enum What
    {
        StepRecord,
        StepName,
        StepNameOfAnotherArtifact,
        JobRecord,
    }

    [Theory]
    [InlineData(What.StepRecord)]
    [InlineData(What.StepName)]
    [InlineData(What.StepNameOfAnotherArtifact)]
    [InlineData(What.JobRecord)]
    public async Task Job_SomethingOfItIsDamaged_EndsInTheSameModel(What what)
    {
        await using var alone = await GatewayRig.StartedAsync();
        var model = (await alone.EndOfAsync((await alone.StartAsync("r1", await alone.SpecAsync())).Id)).Result.ModelDigest;

        await using var rig = await GatewayRig.StartedAsync();
        var entered = rig.Stages.HoldAsync("finetune");
        var id = (await rig.StartAsync("r1", await rig.SpecAsync())).Id;
        await entered;
        var trials = (await StepsAsync(rig, id)).Single(step => step.Name == "trials/0");
        await rig.StopAsync();

        var result = Path.Combine(rig.Folder, "names", "steps." + trials.Key);
        switch (what)
        {
            case What.StepRecord:
                var record = Path.Combine(rig.Folder, "artifacts", Digest.Parse(File.ReadAllText(result)).Hex);
                var bytes = File.ReadAllBytes(record);
                bytes[^1] ^= 1;
                File.WriteAllBytes(record, bytes);
                break;
            case What.StepName:
                File.WriteAllText(result, "sha256:nonsense");
                break;
            case What.StepNameOfAnotherArtifact:
                File.WriteAllText(result, Digest.Of("a network"u8).ToString());
                break;
            default:
                File.WriteAllText(RecordOf(rig, id), "{\"job\":7}");
                break;
        }

        var before = rig.Stages.RunsOf("trials");
        rig.Stages.OnRun = (_, _) => { };
        await rig.StartAsync();
        var ended = await rig.EndOfAsync(id);
        Assert.Equal((Compression.V1.JobState.Succeeded, model), (ended.State, ended.Result.ModelDigest));
        Assert.Equal(what == What.JobRecord ? 0 : 1, rig.Stages.RunsOf("trials") - before);
        var sequences = (await rig.WatchAsync(id)).Select(e => e.Sequence).ToList();
        Assert.Equal(Enumerable.Range(1, (int)sequences[^1]).Select(i => (long)i), sequences);
    }

    [Fact]
    public async Task JobRecord_DamagedWithItsCopy_IsDataLossAndTheOthersGoOn()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.SpecAsync();
        var (damaged, whole) = (await rig.EndOfAsync((await rig.StartAsync("r1", spec)).Id), await rig.EndOfAsync((await rig.StartAsync("r2", spec)).Id));
        foreach (var content in new[] { "", "{", "null", "{\"id\":7}", "{\"id\":\"job-00000000000000000000\"}", "\0\0\0" })
        {
            await rig.StopAsync();
            File.WriteAllText(RecordOf(rig, damaged.Id), content);
            File.WriteAllText(Path.Combine(rig.Folder, "names", "jobs." + damaged.Id), content);
            await rig.StartAsync();
            Assert.Equal(StatusCode.DataLoss, (await Assert.ThrowsAsync<RpcException>(() => rig.Jobs.GetJobAsync(new GetJobRequest { JobId = damaged.Id }).ResponseAsync)).StatusCode);
            Assert.Equal(StatusCode.DataLoss, (await Assert.ThrowsAsync<RpcException>(() => rig.StartAsync("r1", spec))).StatusCode);
            Assert.Equal([whole], (await rig.Jobs.ListJobsAsync(new ListJobsRequest())).Jobs);
        }

        Assert.Equal(Compression.V1.JobState.Succeeded, (await rig.EndOfAsync((await rig.StartAsync("r3", spec)).Id)).State);
    }

    [Fact]
    public async Task IndexOfJobs_Damaged_IsMadeAgainFromTheirRecords()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.SpecAsync();
        var first = await rig.EndOfAsync((await rig.StartAsync("r1", spec)).Id);
        var second = await rig.EndOfAsync((await rig.StartAsync("r2", spec)).Id);
        foreach (var content in new[] { "", "{", "{\"entries\":null}", "{\"entries\":[{}]}" })
        {
            await rig.StopAsync();
            File.WriteAllText(Path.Combine(rig.Folder, "records", "jobs_all-0"), content);
            await rig.StartAsync();
            Assert.Equal([second, first], (await rig.Jobs.ListJobsAsync(new ListJobsRequest(), deadline: GatewayRig.Deadline)).Jobs);
        }

        var third = await rig.EndOfAsync((await rig.StartAsync("r3", spec)).Id);
        await rig.StopAsync();
        await rig.StartAsync();
        Assert.Equal([third, second, first], (await rig.Jobs.ListJobsAsync(new ListJobsRequest(), deadline: GatewayRig.Deadline)).Jobs);
    }

    [Fact]
    public async Task Specification_Damaged_EndsTheJobAsDataLoss()
    {
        await using var rig = await GatewayRig.StartedAsync(options => options.ReclaimJobs = false);
        var entered = rig.Stages.HoldAsync();
        var id = (await rig.StartAsync("r1", await rig.SpecAsync())).Id;
        await entered;
        await rig.StopAsync();
        var stored = RecordSerializer.Read<StoredJob>(File.ReadAllBytes(RecordOf(rig, id)));
        File.AppendAllText(Path.Combine(rig.Folder, "artifacts", Digest.Parse(stored.Job.Spec).Hex), "x");
        rig.Stages.OnRun = (_, _) => { };
        await rig.StartAsync();
        var ended = await rig.EndOfAsync(id);
        Assert.Equal((Compression.V1.JobState.Failed, (int)StatusCode.DataLoss), (ended.State, ended.StatusCode));
    }

    private static string RecordOf(GatewayRig rig, string id) => Path.Combine(rig.Folder, "records", "job_" + id);

    private static async Task<List<StepEvent>> StepsAsync(GatewayRig rig, string id)
    {
        List<StepEvent> steps = [];
        using var call = rig.Jobs.WatchJob(new WatchJobRequest { JobId = id }, deadline: GatewayRig.Deadline);
        await foreach (var e in call.ResponseStream.ReadAllAsync())
        {
            if (e.Step is { } step)
                steps.Add(step);
            if (e.Step is { Name: "finetune" })
                break;
        }

        return [.. steps.Where(step => step.Done)];
    }
}
