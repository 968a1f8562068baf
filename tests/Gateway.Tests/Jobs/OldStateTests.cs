using Fewshot.Artifacts;
using Fewshot.Compression.V1;
using Fewshot.Gateway.Cluster;
using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Tenants;
using Microsoft.Extensions.DependencyInjection;

namespace Fewshot.Gateway.Tests;

/// <summary>A state folder that an older version has left behind.</summary>
public sealed class OldStateTests
{
    [Fact]
    public async Task Start_FolderOfAnOlderVersion_ItsJobsAreThereAndGoOnFromTheirSteps()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var entered = rig.Stages.HoldAsync("finetune");
        var done = rig.Stages.RunsOf("finetune");
        var spec = await rig.SpecAsync();
        var id = (await rig.StartAsync("r1", spec)).Id;
        await entered;
        await rig.StopAsync();

        // As it was kept before: a file for the job, one for each finished step.
        var stored = RecordSerializer.Read<StoredJob>(File.ReadAllBytes(Path.Combine(rig.Folder, "records", "job_" + id)));
        Directory.CreateDirectory(Path.Combine(rig.Folder, "jobs"));
        await File.WriteAllBytesAsync(Path.Combine(rig.Folder, "jobs", id + ".json"), RecordSerializer.Write(stored.Job));
        await File.WriteAllTextAsync(Path.Combine(rig.Folder, "jobs", "job-00000000000000000000.json"), "{");
        Directory.CreateDirectory(Path.Combine(rig.Folder, "ledger"));
        foreach (var name in Directory.EnumerateFiles(Path.Combine(rig.Folder, "names"), "steps.*"))
            File.Move(name, Path.Combine(rig.Folder, "ledger", Path.GetFileName(name)["steps.".Length..] + ".result"));
        Directory.CreateDirectory(Path.Combine(rig.Folder, "grants"));
        var (uploaded, shown) = (Digest.Of("uploaded"u8), Digest.Of("shown"u8));
        await File.WriteAllTextAsync(Path.Combine(rig.Folder, "grants", "acme_" + uploaded.Hex), "8");
        await File.WriteAllTextAsync(Path.Combine(rig.Folder, "grants", "acme_" + shown.Hex), "0");
        await File.WriteAllTextAsync(Path.Combine(rig.Folder, "grants", "acme_nonsense"), "0");
        Directory.Delete(Path.Combine(rig.Folder, "names"), recursive: true);
        Directory.Delete(Path.Combine(rig.Folder, "records"), recursive: true);

        rig.Stages.OnRun = (_, _) => { };
        var trials = rig.Stages.RunsOf("trials");
        rig.Expect("is damaged and was not taken over");
        await rig.StartAsync();
        var ended = await Poll.ForAsync(async () =>
        {
            var jobs = (await rig.Jobs.ListJobsAsync(new ListJobsRequest(), deadline: GatewayRig.Deadline)).Jobs;
            return jobs.SingleOrDefault(job => job.Id == id && job.State == Compression.V1.JobState.Succeeded);
        });
        Assert.Equal(("r1", ""), (ended.RequestId, ended.StatusMessage));
        Assert.Equal((trials, done + 2), (rig.Stages.RunsOf("trials"), rig.Stages.RunsOf("finetune")));
        Assert.True(Directory.Exists(Path.Combine(rig.Folder, "jobs-adopted")));
        var (grants, grains) = (rig.Services.GetRequiredService<TenantGrants>(), rig.Services.GetRequiredService<GrainCalls>());
        Assert.True(await grants.HasAsync("acme", uploaded) && await grants.HasAsync("acme", shown));
        Assert.Equal(8, await grains.AskAsync<ITenantGrain, long>("acme", grain => grain.UploadedBytesAsync()));
    }
}
