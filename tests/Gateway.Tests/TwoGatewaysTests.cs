using Fewshot.Compression.V1;
using Grpc.Core;
using Grpc.Net.Client;
using Keda.ExternalScaler;

namespace Fewshot.Gateway.Tests;

/// <summary>Gateways that share Redis take over each other's jobs.</summary>
public sealed class TwoGatewaysTests(RedisProcess redis) : IClassFixture<RedisProcess>, IAsyncLifetime
{
    public Task InitializeAsync() => redis.CommandAsync("FLUSHALL");

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task Gateway_Stopped_TheOtherContinuesItsJobAndKnowsEveryEvent()
    {
        await using var rig = await GatewayRig.StartedAsync(ledger: redis.Address.ToString());
        await using var other = await GatewayRig.StartedAsync(ledger: redis.Address.ToString(), folder: rig.Folder, configure: options => options.ReclaimJobs = false);
        var entered = rig.Stages.HoldAsync("finetune");
        var spec = await rig.SpecAsync();
        var id = (await rig.StartAsync("r1", spec)).Id;
        var watched = other.WatchAsync(id);
        await entered;
        Assert.Equal(Compression.V1.JobState.Running, (await other.Jobs.GetJobAsync(new GetJobRequest { JobId = id }, deadline: GatewayRig.Deadline)).Job.State);
        await rig.StopAsync();

        Assert.Equal(id, (await other.StartAsync("r1", spec)).Id);
        var events = await watched;
        Assert.Equal(Enumerable.Range(1, events.Count).Select(i => (long)i), events.Select(e => e.Sequence));
        Assert.Equal(Compression.V1.JobState.Succeeded, events[^1].Job.State);
        Assert.Contains(events, e => e.Step is { Name: "trials/2", Cached: true });
        Assert.Equal((0, 1), (other.Stages.RunsOf("trials"), other.Stages.RunsOf("finetune")));
    }

    [Fact]
    public async Task CancelJob_ThroughAnotherGateway_StopsItWhereItRuns()
    {
        await using var rig = await GatewayRig.StartedAsync(ledger: redis.Address.ToString());
        await using var other = await GatewayRig.StartedAsync(ledger: redis.Address.ToString(), folder: rig.Folder);
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Block(string stage, ServiceDefaults.StepContext context)
        {
            entered.TrySetResult();
            context.Stop.WaitHandle.WaitOne();
        }

        rig.Stages.OnRun = other.Stages.OnRun = Block;
        var id = (await rig.StartAsync("r1", await rig.SpecAsync())).Id;
        await entered.Task;
        await other.Jobs.CancelJobAsync(new CancelJobRequest { JobId = id }, deadline: GatewayRig.Deadline);
        Assert.Equal(Compression.V1.JobState.Cancelled, (await other.EndOfAsync(id)).State);
    }

    [Fact]
    public async Task GetMetrics_OfEitherGateway_AreBothDemandsTogether()
    {
        await using var rig = await GatewayRig.StartedAsync(ledger: redis.Address.ToString(), configure: options => options.ReclaimJobs = false);
        await using var other = await GatewayRig.StartedAsync(
            ledger: redis.Address.ToString(), folder: rig.Folder, configure: options => options.ReclaimJobs = false);
        using var hold = new ManualResetEventSlim();
        rig.Stages.OnRun = other.Stages.OnRun = (_, context) => WaitHandle.WaitAny([hold.WaitHandle, context.Stop.WaitHandle], TimeSpan.FromSeconds(60));
        await rig.StartAsync("r1", await rig.SpecAsync());
        // The same steps would need one worker for both.
        var spec = await other.SpecAsync();
        spec.NetworkDigest = await other.PutAsync("another network"u8.ToArray());
        await other.StartAsync("r2", spec);
        await Poll.ForAsync(async () => (await DemandAsync(rig), await DemandAsync(other)) is (2, 2) ? "both" : null);
        await rig.StopAsync();
        await Poll.ForAsync(async () => await DemandAsync(other) is 1 ? "one" : null);
        hold.Set();

        static async Task<double> DemandAsync(GatewayRig gateway)
        {
            using var channel = GrpcChannel.ForAddress(gateway.Address);
            var asked = new GetMetricsRequest { ScaledObjectRef = new ScaledObjectRef { ScalerMetadata = { ["stage"] = "finetuner" } } };
            return (await new ExternalScaler.ExternalScalerClient(channel).GetMetricsAsync(asked, deadline: GatewayRig.Deadline)).MetricValues[0].MetricValueFloat;
        }
    }

    [Fact]
    public async Task Redis_KilledAndEmptiedMidJob_TheJobEndsAllTheSame()
    {
        using var own = new RedisProcess();
        await own.InitializeAsync();
        await using var rig = await GatewayRig.StartedAsync(ledger: own.Address.ToString());
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var go = new ManualResetEventSlim();
        rig.Stages.OnRun = (stage, _) =>
        {
            if (stage != "finetune")
                return;
            entered.TrySetResult();
            Assert.True(go.Wait(TimeSpan.FromSeconds(30)));
        };
        var id = (await rig.StartAsync("r1", await rig.SpecAsync())).Id;
        await entered.Task;
        own.Kill();
        await own.InitializeAsync();
        Assert.Equal("+OK", await own.CommandAsync("FLUSHALL"));
        go.Set();
        var ended = await Poll.ForAsync(() => EndedAsync(rig, id));
        Assert.Equal((Compression.V1.JobState.Succeeded, ""), (ended.State, ended.StatusMessage));
        Assert.Equal(1, rig.Stages.RunsOf("finetune"));
    }

    /// <summary>So it is, too, for jobs that gateways of a version with other records had accepted.</summary>
    [Fact]
    public async Task Redis_EmptiedWhileNoGatewayRuns_JobsComeBackFromBesideTheArtifacts()
    {
        await using var rig = await GatewayRig.StartedAsync(ledger: redis.Address.ToString());
        var spec = await rig.SpecAsync();
        var ended = await rig.EndOfAsync((await rig.StartAsync("ended", spec)).Id);
        var entered = rig.Stages.HoldAsync("finetune");
        var other = await rig.SpecAsync();
        other.Seed++;
        var id = (await rig.StartAsync("unfinished", other)).Id;
        await entered;
        await rig.StopAsync();
        await redis.CommandAsync("FLUSHALL");
        var trials = rig.Stages.RunsOf("trials");
        rig.Stages.OnRun = (_, _) => { };
        await rig.StartAsync();
        Assert.Equal(Compression.V1.JobState.Succeeded, (await Poll.ForAsync(() => EndedAsync(rig, id))).State);
        Assert.Equal(trials, rig.Stages.RunsOf("trials"));
        var jobs = (await rig.Jobs.ListJobsAsync(new ListJobsRequest(), deadline: GatewayRig.Deadline)).Jobs;
        Assert.Equal([id, ended.Id], jobs.Select(job => job.Id));
        Assert.Equal(ended.Result, jobs[1].Result);
    }

    private static async Task<Job?> EndedAsync(GatewayRig rig, string id)
    {
        try
        {
            return (await rig.Jobs.GetJobAsync(new GetJobRequest { JobId = id }, deadline: GatewayRig.Deadline)).Job is { State: Compression.V1.JobState.Succeeded or Compression.V1.JobState.Failed } job ? job : null;
        }
        catch (RpcException e) when (e.StatusCode is StatusCode.NotFound)
        {
            // Emptied a moment ago, and not filled again yet.
            return null;
        }
    }
}
