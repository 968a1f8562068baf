using Fewshot.Artifacts.Redis;
using Fewshot.Compression.V1;
using Fewshot.Gateway.Jobs;
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
    public async Task Gateway_DiedWithItsClaim_AnotherTakesTheJobOverAfterOneLease()
    {
        var lease = TimeSpan.FromSeconds(2);
        await using var rig = await GatewayRig.StartedAsync(ledger: redis.Address.ToString(), lease: lease);
        using var server = new RedisServer(redis.Address);
        // What a gateway that was killed leaves behind: a claim that nobody renews.
        Assert.NotNull(await new RedisStepLedger(server, lease).TryAcquireAsync(JobStoreExtensions.ClaimOf(JobStoreExtensions.IdOf("r1")), "a gateway that died"));
        var died = System.Diagnostics.Stopwatch.StartNew();
        TimeSpan? began = null;
        rig.Stages.OnRun = (_, _) => began ??= died.Elapsed;
        var job = await rig.EndOfAsync((await rig.StartAsync("r1", await rig.SpecAsync())).Id);
        Assert.Equal(Compression.V1.JobState.Succeeded, job.State);
        Assert.True(began > lease / 2, $"It was taken over after {began}.");
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
        await using var other = await GatewayRig.StartedAsync(ledger: redis.Address.ToString(), configure: options => options.ReclaimJobs = false);
        using var hold = new ManualResetEventSlim();
        rig.Stages.OnRun = other.Stages.OnRun = (_, context) => WaitHandle.WaitAny([hold.WaitHandle, context.Stop.WaitHandle], TimeSpan.FromSeconds(60));
        await rig.StartAsync("r1", await rig.SpecAsync());
        await other.StartAsync("r2", await other.SpecAsync());
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
