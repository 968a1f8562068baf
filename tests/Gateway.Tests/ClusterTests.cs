using System.Net;
using Fewshot.Artifacts;
using Fewshot.Artifacts.Redis;
using Fewshot.Artifacts.V1;
using Fewshot.Compression.V1;
using Fewshot.Gateway.Cluster;
using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Tenants;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.GrainDirectory;
using Orleans.Runtime;
using StackExchange.Redis;

namespace Fewshot.Gateway.Tests;

/// <summary>What gateways that share a Redis count together, and what they do when Redis forgets them.</summary>
public sealed class ClusterTests(RedisProcess redis) : IClassFixture<RedisProcess>, IAsyncLifetime
{
    public Task InitializeAsync() => redis.CommandAsync("FLUSHALL");

    public Task DisposeAsync() => Task.CompletedTask;

    [Fact]
    public async Task WatchedStreams_OfTwoGateways_AreOneLimit()
    {
        var (rig, other) = await TwoAsync(new { maxStreams = 1 });
        await using var first = rig;
        await using var second = other;
        using var hold = Held(rig, other);
        var job = await rig.StartAsync("r1", await rig.SpecAsync());
        using (var open = rig.Jobs.WatchJob(new WatchJobRequest { JobId = job.Id }, deadline: GatewayRig.Deadline))
        {
            Assert.True(await open.ResponseStream.MoveNext(default));
            var refused = await Assert.ThrowsAsync<RpcException>(() => other.WatchAsync(job.Id));
            Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
        }

        hold.Set();
        await rig.StopAsync();
        // What a gateway that is gone had open lapses.
        await Poll.ForAsync(async () =>
        {
            try
            {
                return await other.WatchAsync(job.Id);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.ResourceExhausted)
            {
                return null;
            }
        });
    }

    [Fact]
    public async Task RunningJobs_OfTwoGateways_AreOneLimit()
    {
        var (rig, other) = await TwoAsync(new { maxRunningJobs = 1 });
        await using var first = rig;
        await using var second = other;
        using var hold = Held(rig, other);
        var running = await rig.StartAsync("r1", await rig.SpecAsync());
        await StateAsync(rig, running.Id, Compression.V1.JobState.Running);
        var waiting = await other.StartAsync("r2", await other.SpecAsync());
        rig.Token = other.Token = "b";
        var overtaking = await other.StartAsync("r3", await other.SpecAsync());
        await StateAsync(other, overtaking.Id, Compression.V1.JobState.Running);
        rig.Token = other.Token = "a";
        Assert.Equal(Compression.V1.JobState.Queued, (await other.Jobs.GetJobAsync(new GetJobRequest { JobId = waiting.Id })).Job.State);
        hold.Set();
        Assert.Equal(Compression.V1.JobState.Succeeded, (await other.EndOfAsync(waiting.Id)).State);
    }

    [Fact]
    public async Task Uploads_OfTwoGateways_AreCountedBeforeTheyCome()
    {
        var (rig, other) = await TwoAsync(new { maxArtifactBytes = 1000 });
        await using var first = rig;
        await using var second = other;
        using (var half = rig.Artifacts.UploadArtifact(deadline: GatewayRig.Deadline))
        {
            var content = new byte[600];
            var header = new UploadHeader { Digest = Digest.Of(content).ToString(), SizeBytes = content.Length };
            await half.RequestStream.WriteAsync(new UploadArtifactRequest { Header = header });
            await half.RequestStream.WriteAsync(new UploadArtifactRequest { Chunk = Google.Protobuf.ByteString.CopyFrom(new byte[100]) });
            var tenant = other.Services.GetRequiredService<IGrainFactory>().GetGrain<ITenantGrain>("a");
            await Poll.UntilAsync(async () =>
            {
                var probe = Guid.NewGuid();
                var taken = await tenant.ReserveAsync(probe, 1, limit: 600);
                await tenant.DropAsync(probe);
                return taken is not null;
            });
            var refused = await Assert.ThrowsAsync<RpcException>(() => other.PutAsync(new byte[500]));
            Assert.Equal(
                "No space is left for this tenant's upload of 500 bytes: 600 of 1000 bytes are stored or on their way.", refused.Status.Detail);
        }

        // It was given up, and its bytes are free again.
        await Poll.ForAsync(async () =>
        {
            try
            {
                return await other.PutAsync(new byte[900]);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.ResourceExhausted)
            {
                return null;
            }
        });
    }

    [Fact]
    public async Task Quarantine_OfOneGateway_HoldsAtTheOther()
    {
        var (rig, other) = await TwoAsync(new { });
        await using var first = rig;
        await using var second = other;
        rig.Stages.OnCall = stage =>
        {
            if (stage == "finetune")
                throw new RpcException(new Status(StatusCode.Unavailable, "gone"));
        };
        var spec = await rig.SpecAsync();
        Assert.Equal(Compression.V1.JobState.Failed, (await rig.EndOfAsync((await rig.StartAsync("r1", spec)).Id)).State);
        rig.Stages.OnCall = _ => { };
        spec.Seed++;
        var refused = await other.EndOfAsync((await other.StartAsync("r2", spec)).Id);
        Assert.Contains("is not tried again before", refused.StatusMessage, StringComparison.Ordinal);
        Assert.Equal(0, rig.Stages.RunsOf("finetune") + other.Stages.RunsOf("finetune"));
        // Another tenant's are its own affair.
        rig.Token = other.Token = "b";
        foreach (var digest in new[] { "a network"u8.ToArray(), "a few images"u8.ToArray(), "labeled images"u8.ToArray() })
            await other.PutAsync(digest);
        Assert.Equal(Compression.V1.JobState.Succeeded, (await other.EndOfAsync((await other.StartAsync("r3", spec)).Id)).State);
    }

    [Fact]
    public async Task Redis_EmptiedUnderTwoGateways_TheyStayOneClusterThatOthersJoin()
    {
        await using var rig = await StartedAsync();
        await using var other = await StartedAsync();
        await SilosAsync(2, rig, other);
        await redis.CommandAsync("FLUSHALL");
        await using var third = await StartedAsync();
        await SilosAsync(3, rig, other, third);
    }

    [Fact]
    public async Task Redis_LostTheLastChanges_TheGatewayThatJoinedThenStaysInTheCluster()
    {
        await using var rig = await StartedAsync();
        using var connection = await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{redis.Port},allowAdmin=true");
        var database = connection.GetDatabase();
        var members = Assert.Single(connection.GetServers()[0].Keys(pattern: RedisServer.Prefix + "*members*"));
        var before = await database.KeyDumpAsync(members);
        await using var other = await StartedAsync();
        await SilosAsync(2, rig, other);
        await database.KeyDeleteAsync(members);
        await database.KeyRestoreAsync(members, before!);
        await using var third = await StartedAsync();
        await SilosAsync(3, rig, other, third);
    }

    /// <summary>What a silo leaves behind that died between registering a grain and answering.</summary>
    [Fact]
    public async Task Silo_DiedWhileItActivatedAJob_TheJobIsActivatedElsewhere()
    {
        await using var rig = await StartedAsync();
        var directory = rig.Services.GetRequiredKeyedService<IGrainDirectory>(GrainDirectoryAttribute.DEFAULT_GRAIN_DIRECTORY);
        var job = rig.Services.GetRequiredService<IGrainFactory>().GetGrain<IJobGrain>(JobIds.Of("r1")).GetGrainId();
        var left = await directory.Register(new GrainAddress
        {
            GrainId = job,
            ActivationId = ActivationId.NewId(),
            SiloAddress = SiloAddress.New(IPAddress.Loopback, 1, 1),
            MembershipVersion = new MembershipVersion(1),
        });
        Assert.Equal(left, await directory.Lookup(job));
        var ended = await rig.EndOfAsync((await rig.StartAsync("r1", await rig.SpecAsync())).Id);
        Assert.Equal(Compression.V1.JobState.Succeeded, ended.State);
        Assert.NotEqual(left!.SiloAddress, (await directory.Lookup(job))!.SiloAddress);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task LostWorkersAndUsedTime_GatewayStartedAgain_AreKept(bool inRedis)
    {
        await using var rig = await GatewayRig.StartedAsync(ledger: inRedis ? redis.Address.ToString() : "files");
        var until = DateTimeOffset.UtcNow.AddMinutes(5);
        var grains = rig.Services.GetRequiredService<GrainCalls>();
        await grains.TellAsync<ITenantGrain>("a", grain => grain.NoteLossesAsync("inputs", new WorkerLosses(3, until, "it died")));
        await grains.TellAsync<ITenantGrain>("a", grain => grain.SpendAsync(7.5));
        await rig.StopAsync();
        await rig.StartAsync();
        var standing = await rig.Services.GetRequiredService<GrainCalls>()
            .AskAsync<ITenantGrain, TenantStanding>("a", grain => grain.StandingAsync("inputs"));
        Assert.Equal((new WorkerLosses(3, until, "it died"), 7.5), (standing.Losses, standing.UsedSeconds));
    }

    private Task<GatewayRig> StartedAsync() => GatewayRig.StartedAsync(ledger: redis.Address.ToString());

    private async Task<(GatewayRig Rig, GatewayRig Other)> TwoAsync(object limits)
    {
        var rig = await TenantRig.StartedAsync(redis.Address.ToString(), limits: limits);
        return (rig, await TenantRig.StartedAsync(redis.Address.ToString(), rig.Folder, limits: limits));
    }

    private static ManualResetEventSlim Held(params GatewayRig[] rigs)
    {
        var hold = new ManualResetEventSlim();
        foreach (var rig in rigs)
            rig.Stages.OnRun = (_, context) => WaitHandle.WaitAny([hold.WaitHandle, context.Stop.WaitHandle]);
        return hold;
    }

    private static Task StateAsync(GatewayRig rig, string id, Compression.V1.JobState state) =>
        Poll.UntilAsync(async () => (await rig.Jobs.GetJobAsync(new GetJobRequest { JobId = id })).Job.State == state);

    /// <summary>Waits until every one of these gateways knows so many that are alive.</summary>
    private static async Task SilosAsync(int count, params GatewayRig[] rigs)
    {
        foreach (var rig in rigs)
        {
            var management = rig.Services.GetRequiredService<IGrainFactory>().GetGrain<IManagementGrain>(0);
            await Poll.UntilAsync(async () => (await management.GetHosts(onlyActive: true)).Count == count);
        }
    }
}
