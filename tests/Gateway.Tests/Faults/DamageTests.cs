using System.Text;
using Fewshot.Artifacts;
using Fewshot.Compression.V1;
using Fewshot.Gateway.Jobs;
using Grpc.Core;

namespace Fewshot.Gateway.Tests;

/// <summary>Stored things that rot while a job is under way: they are made again where that is possible, and named where it is not.</summary>
public sealed class DamageTests
{
    public enum What
    {
        StepRecord,
        LedgerEntry,
        LedgerEntryOfAnotherArtifact,
        Lease,
        Events,
    }

    [Theory]
    [InlineData(What.StepRecord)]
    [InlineData(What.LedgerEntry)]
    [InlineData(What.LedgerEntryOfAnotherArtifact)]
    [InlineData(What.Lease)]
    [InlineData(What.Events)]
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

        var result = Path.Combine(rig.Folder, "ledger", trials.Key + ".result");
        switch (what)
        {
            case What.StepRecord:
                var record = Path.Combine(rig.Folder, "artifacts", Digest.Parse(File.ReadAllText(result)).Hex);
                var bytes = File.ReadAllBytes(record);
                bytes[^1] ^= 1;
                File.WriteAllBytes(record, bytes);
                break;
            case What.LedgerEntry:
                File.WriteAllText(result, "sha256:nonsense");
                break;
            case What.LedgerEntryOfAnotherArtifact:
                File.WriteAllText(result, Digest.Of("a network"u8).ToString());
                break;
            case What.Lease:
                File.WriteAllText(Path.Combine(rig.Folder, "ledger", JobStoreExtensions.ClaimOf(id).Hex + ".lease"), """{"Process":null,"Attempt":"../x"}""");
                break;
            default:
                var events = Path.Combine(rig.Folder, "jobs", id + ".events");
                var lines = File.ReadAllLines(events);
                lines[2] = "\0{" + lines[2][..10];
                File.WriteAllText(events, string.Join('\n', lines) + "\n");
                break;
        }

        var before = rig.Stages.RunsOf("trials");
        rig.Stages.OnRun = (_, _) => { };
        await rig.StartAsync();
        var ended = await rig.EndOfAsync(id);
        Assert.Equal((Compression.V1.JobState.Succeeded, model), (ended.State, ended.Result.ModelDigest));
        Assert.Equal(what is What.StepRecord or What.LedgerEntry or What.LedgerEntryOfAnotherArtifact ? 1 : 0, rig.Stages.RunsOf("trials") - before);
        var sequences = (await rig.WatchAsync(id)).Select(e => e.Sequence).ToList();
        var last = sequences[^1];
        Assert.Equal(Enumerable.Range(1, (int)last).Select(i => (long)i).Where(i => what != What.Events || i != 3), sequences);
    }

    [Fact]
    public async Task JobRecord_Damaged_IsDataLossAndTheOthersGoOn()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.SpecAsync();
        var (damaged, whole) = (await rig.EndOfAsync((await rig.StartAsync("r1", spec)).Id), await rig.EndOfAsync((await rig.StartAsync("r2", spec)).Id));
        foreach (var content in new[] { "", "{", "null", "{\"id\":7}", "{\"id\":\"job-00000000000000000000\"}", "\0\0\0" })
        {
            File.WriteAllText(Path.Combine(rig.Folder, "jobs", damaged.Id + ".json"), content);
            Assert.Equal(StatusCode.DataLoss, (await Assert.ThrowsAsync<RpcException>(() => rig.Jobs.GetJobAsync(new GetJobRequest { JobId = damaged.Id }).ResponseAsync)).StatusCode);
            Assert.Equal(StatusCode.DataLoss, (await Assert.ThrowsAsync<RpcException>(() => rig.StartAsync("r1", spec))).StatusCode);
            Assert.Equal([whole], (await rig.Jobs.ListJobsAsync(new ListJobsRequest())).Jobs);
        }

        Assert.Equal(Compression.V1.JobState.Succeeded, (await rig.EndOfAsync((await rig.StartAsync("r3", spec)).Id)).State);
    }

    [Fact]
    public async Task Specification_Damaged_EndsTheJobAsDataLoss()
    {
        await using var rig = await GatewayRig.StartedAsync(options => options.ReclaimJobs = false);
        var entered = rig.Stages.HoldAsync();
        var id = (await rig.StartAsync("r1", await rig.SpecAsync())).Id;
        await entered;
        await rig.StopAsync();
        var record = JobJson.Read<JobRecord>(Encoding.UTF8.GetBytes(File.ReadAllText(Path.Combine(rig.Folder, "jobs", id + ".json"))));
        File.AppendAllText(Path.Combine(rig.Folder, "artifacts", Digest.Parse(record.Spec).Hex), "x");
        rig.Stages.OnRun = (_, _) => { };
        await rig.StartAsync();
        var ended = await rig.EndOfAsync(id);
        Assert.Equal((Compression.V1.JobState.Failed, (int)StatusCode.DataLoss), (ended.State, ended.StatusCode));
    }

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
