using Fewshot.Artifacts;
using Fewshot.Artifacts.V1;
using Fewshot.Compression.V1;
using Fewshot.Gateway.Tenants;
using Grpc.Core;

namespace Fewshot.Gateway.Tests;

public sealed class QuotaTests(RedisProcess redis) : IClassFixture<RedisProcess>
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task UnfinishedJobs_AtTheLimit_OneMoreIsRefusedUntilOneEnds(bool inRedis)
    {
        await using var rig = await StartedAsync(inRedis, new { maxUnfinishedJobs = 2 });
        using var hold = Held(rig);
        var spec = await rig.SpecAsync();
        var first = await rig.StartAsync("r1", spec);
        await rig.StartAsync("r2", spec);
        var refused = (await Assert.ThrowsAsync<RpcException>(() => rig.StartAsync("r3", spec))).Status;
        Assert.Equal(new Status(StatusCode.ResourceExhausted, "This tenant has 2 jobs that have not ended, as many as it may have: wait for one, or cancel one."), refused);
        Assert.Equal(first.Id, (await rig.StartAsync("r1", spec)).Id);
        Assert.Equal(2, (await rig.Jobs.ListJobsAsync(new ListJobsRequest())).Jobs.Count);
        Assert.NotNull(await rig.AsAsync("b", async () => await rig.StartAsync("r3", await rig.SpecAsync())));
        rig.Token = "a";
        hold.Set();
        await rig.EndOfAsync(first.Id);
        Assert.NotNull(await rig.StartAsync("r3", spec));
    }

    [Fact]
    public async Task RunningJobs_AtTheLimit_WaitWhileOthersOvertake()
    {
        await using var rig = await StartedAsync(inRedis: false, new { maxRunningJobs = 1 });
        using var hold = Held(rig);
        var running = await rig.StartAsync("r1", await rig.SpecAsync(practise => practise.TrialIterations = 11));
        await UntilAsync(rig, running.Id, JobState.Running);
        var waiting = await rig.StartAsync("r2", await rig.SpecAsync(practise => practise.TrialIterations = 12));
        rig.Token = "b";
        var other = await rig.StartAsync("r3", await rig.SpecAsync(practise => practise.TrialIterations = 13));
        await UntilAsync(rig, other.Id, JobState.Running);
        rig.Token = "a";
        Assert.Equal(JobState.Queued, (await rig.Jobs.GetJobAsync(new GetJobRequest { JobId = waiting.Id })).Job.State);
        hold.Set();
        Assert.Equal(JobState.Succeeded, (await rig.EndOfAsync(waiting.Id)).State);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task UploadedBytes_OverTheLimit_AreRefusedWithBothNumbers(bool inRedis)
    {
        await using var rig = await StartedAsync(inRedis, new { maxArtifactBytes = 1000 });
        await rig.PutAsync(new byte[600]);
        await rig.PutAsync(new byte[600]);
        var refused = (await Assert.ThrowsAsync<RpcException>(() => rig.PutAsync(new byte[401]))).Status;
        Assert.Equal(
            new Status(
                StatusCode.ResourceExhausted,
                "No space is left for this tenant's upload of 401 bytes: 600 of 1000 bytes are stored or on their way."),
            refused);
        Assert.False((await rig.Artifacts.StatArtifactAsync(new StatArtifactRequest { Digest = Digest.Of(new byte[401]).ToString() })).Exists);
        await rig.PutAsync(new byte[400]);
        await rig.AsAsync("b", () => rig.PutAsync(new byte[5000]));
    }

    [Fact]
    public async Task WatchStreams_AtTheLimit_OneMoreIsRefusedUntilOneEnds()
    {
        await using var rig = await StartedAsync(inRedis: false, new { maxStreams = 1 });
        using var hold = Held(rig);
        var job = await rig.StartAsync("r1", await rig.SpecAsync());
        using (var open = rig.Jobs.WatchJob(new WatchJobRequest { JobId = job.Id }, deadline: GatewayRig.Deadline))
        {
            Assert.True(await open.ResponseStream.MoveNext(default));
            var refused = (await Assert.ThrowsAsync<RpcException>(() => rig.WatchAsync(job.Id))).Status;
            Assert.Equal(
                new Status(StatusCode.ResourceExhausted, "This tenant watches as many jobs as it may, 1: end another watch first."), refused);
        }

        hold.Set();
        await Poll.UntilAsync(async () =>
        {
            try
            {
                return (await rig.WatchAsync(job.Id)).Count > 0;
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.ResourceExhausted)
            {
                // The server has not noticed the end of the first one yet.
                return false;
            }
        });
    }

    [Fact]
    public async Task ComputeSeconds_UsedUp_NoFurtherStepBeginsAndWhatIsDoneIsKept()
    {
        await using var rig = await StartedAsync(inRedis: false, new { maxComputeSeconds = 1 });
        var finetunes = 0;
        rig.Stages.OnRun = (stage, context) =>
        {
            if (stage == "trials")
                context.Stop.WaitHandle.WaitOne(TimeSpan.FromSeconds(1.1));
            finetunes += stage == "finetune" ? 1 : 0;
        };
        var spec = await rig.SpecAsync();
        var ended = await rig.EndOfAsync((await rig.StartAsync("r1", spec)).Id);
        Assert.Equal((JobState.Failed, (int)StatusCode.ResourceExhausted, 0), (ended.State, ended.StatusCode, finetunes));
        Assert.Matches(
            @"^This tenant has used \d+ seconds of workers' time within 24 hours; its limit is 1\. What is done is kept", ended.StatusMessage);
        // What another tenant asks for is done by now, or begun.
        rig.Token = "b";
        foreach (var content in new[] { "a network", "a few images", "labeled images" })
            await rig.PutAsync(System.Text.Encoding.UTF8.GetBytes(content));
        Assert.Equal(JobState.Succeeded, (await rig.EndOfAsync((await rig.StartAsync("r1", spec)).Id)).State);
    }

    [Fact]
    public async Task Limits_NobodyKnows_AreTheDefaults()
    {
        await using var rig = await TenantRig.StartedAsync(configure: options => options.DefaultMaxArtifactBytes = 1000);
        Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<RpcException>(() => rig.PutAsync(new byte[1001]))).StatusCode);
        await rig.PutAsync(new byte[1000]);
    }

    [Fact]
    public void UsedTime_AfterADay_IsForgotten()
    {
        var (used, now) = (new UsedTime(), DateTimeOffset.UnixEpoch);
        used.Add(10, now);
        used.Add(5, now += TimeSpan.FromMinutes(1));
        used.Add(1, now += TimeSpan.FromHours(12));
        Assert.Equal(16, used.UsedAt(now += TimeSpan.FromHours(11)));
        Assert.Equal(1, used.UsedAt(now += TimeSpan.FromHours(2)));
        Assert.Equal(0, used.UsedAt(now + UsedTime.Window));
    }

    private static ManualResetEventSlim Held(GatewayRig rig)
    {
        var hold = new ManualResetEventSlim();
        rig.Stages.OnRun = (_, context) => WaitHandle.WaitAny([hold.WaitHandle, context.Stop.WaitHandle]);
        return hold;
    }

    private static Task UntilAsync(GatewayRig rig, string id, JobState state) =>
        Poll.UntilAsync(async () => (await rig.Jobs.GetJobAsync(new GetJobRequest { JobId = id })).Job.State == state);

    private async Task<GatewayRig> StartedAsync(bool inRedis, object limits)
    {
        if (inRedis)
            await redis.CommandAsync("FLUSHALL");
        return await TenantRig.StartedAsync(inRedis ? redis.Address.ToString() : "files", limits: limits);
    }
}
