using Fewshot.Artifacts;
using Fewshot.Artifacts.V1;
using Fewshot.Compression.V1;
using Fewshot.Gateway.Cluster;
using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Tenants;
using Fewshot.ServiceDefaults.Tests;
using Fewshot.Stages.V1;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.DependencyInjection;

namespace Fewshot.Gateway.Tests;

public sealed class TenantTests(RedisProcess redis) : IClassFixture<RedisProcess>
{
    private const string Unknown = "job-0123456789abcdef0123";

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Job_OfAnotherTenant_IsAsIfThereWereNone(bool inRedis)
    {
        await using var rig = await StartedAsync(inRedis);
        var theirs = await rig.EndOfAsync((await rig.StartAsync("r1", await rig.SpecAsync())).Id);
        Assert.Equal((Compression.V1.JobState.Succeeded, ""), (theirs.State, theirs.StatusMessage));

        foreach (var id in (string[])[theirs.Id, Unknown])
        {
            var expected = new Status(StatusCode.NotFound, $"No job '{id}'.");
            Assert.Equal(expected, await rig.StatusAsync("b", () => rig.Jobs.GetJobAsync(new GetJobRequest { JobId = id })));
            Assert.Equal(expected, await rig.StatusAsync("b", () => rig.Jobs.CancelJobAsync(new CancelJobRequest { JobId = id })));
            Assert.Equal(expected, (await Assert.ThrowsAsync<RpcException>(() => rig.WatchAsync(id))).Status);
            var page = await rig.StatusAsync("b", () => rig.Jobs.ListJobsAsync(new ListJobsRequest { PageToken = id }));
            Assert.Equal(new Status(StatusCode.InvalidArgument, "page_token: is none that ListJobs has given."), page);
        }

        Assert.Empty((await rig.Jobs.ListJobsAsync(new ListJobsRequest())).Jobs);
        // The same request id is another job of another tenant.
        var own = await rig.EndOfAsync((await rig.StartAsync("r1", await rig.SpecAsync())).Id);
        Assert.NotEqual(theirs.Id, own.Id);
        Assert.Equal(theirs.Result.ModelDigest, own.Result.ModelDigest);
        Assert.Equal([own.Id], (await rig.Jobs.ListJobsAsync(new ListJobsRequest())).Jobs.Select(job => job.Id));
        Assert.Equal([theirs.Id], (await rig.AsAsync("a", () => rig.Jobs.ListJobsAsync(new ListJobsRequest()).ResponseAsync)).Jobs.Select(job => job.Id));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task ListJobs_PagesAmongJobsOfOthers_HoldTheTenantsOwn(bool inRedis)
    {
        // Outlives the rig, whose stages wait for it.
        using var hold = new ManualResetEventSlim();
        await using var rig = await StartedAsync(inRedis, options => options.ReclaimJobs = false);
        rig.Stages.OnRun = (_, context) => WaitHandle.WaitAny([hold.WaitHandle, context.Stop.WaitHandle]);
        var specs = (A: await rig.AsAsync("a", () => rig.SpecAsync()), B: await rig.AsAsync("b", () => rig.SpecAsync()));
        List<string> own = [];
        for (var i = 0; i < 5; i++)
        {
            await rig.AsAsync("a", () => rig.StartAsync($"r{i}", specs.A));
            own.Insert(0, (await rig.AsAsync("b", () => rig.StartAsync($"r{i}", specs.B))).Id);
        }

        List<string> seen = [];
        var page = "";
        do
        {
            var answer = await rig.Jobs.ListJobsAsync(new ListJobsRequest { PageSize = 2, PageToken = page });
            seen.AddRange(answer.Jobs.Select(job => job.Id));
            page = answer.NextPageToken;
        }
        while (page.Length > 0);
        hold.Set();
        Assert.Equal(own.Order(), seen.Order());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Artifact_OfAnotherTenant_IsAsIfThereWereNone(bool inRedis)
    {
        await using var rig = await StartedAsync(inRedis);
        var job = await rig.EndOfAsync((await rig.StartAsync("r1", await rig.SpecAsync())).Id);
        var mine = await rig.PutAsync("mine alone"u8.ToArray());
        string[] digests = [mine, job.Result.ModelDigest, job.Result.ReportDigest, job.Result.ProfileDigest];
        foreach (var digest in digests)
        {
            Assert.True((await rig.AsAsync("a", () => rig.Artifacts.StatArtifactAsync(new StatArtifactRequest { Digest = digest }).ResponseAsync)).Exists);
            Assert.NotEmpty(await rig.GetAsync(digest));
            Assert.Equal(new StatArtifactResponse(), await rig.AsAsync("b", () => rig.Artifacts.StatArtifactAsync(new StatArtifactRequest { Digest = digest }).ResponseAsync));
            var refused = (await Assert.ThrowsAsync<RpcException>(() => rig.GetAsync(digest))).Status;
            Assert.Equal(new Status(StatusCode.NotFound, $"No artifact {digest}."), refused);
        }

        // Whoever knows the digest alone has not uploaded it.
        await Assert.ThrowsAsync<RpcException>(() => ExistedAsync(rig, "guessed"u8.ToArray(), mine));
        Assert.False((await rig.Artifacts.StatArtifactAsync(new StatArtifactRequest { Digest = mine })).Exists);
        Assert.False(await ExistedAsync(rig, "mine alone"u8.ToArray()));
        Assert.True(await ExistedAsync(rig, "mine alone"u8.ToArray()));
        Assert.Equal("mine alone"u8.ToArray(), await rig.GetAsync(mine));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Grants_RestartAndAnotherGateway_AreKept(bool inRedis)
    {
        await using var rig = await StartedAsync(inRedis);
        var job = await rig.EndOfAsync((await rig.StartAsync("r1", await rig.SpecAsync())).Id);
        // Without Redis a gateway has its folder to itself.
        if (!inRedis)
            await rig.StopAsync();
        await using (var other = await TenantRig.StartedAsync(inRedis ? redis.Address.ToString() : "files", rig.Folder))
            Assert.NotEmpty(await other.GetAsync(job.Result.ModelDigest));
        await rig.StopAsync();
        await rig.StartAsync();
        Assert.NotEmpty(await rig.GetAsync(job.Result.ModelDigest));
        if (!inRedis)
            return;
        // What the server forgot comes back with the job.
        await rig.StopAsync();
        await redis.CommandAsync("FLUSHALL");
        await rig.StartAsync();
        await Assert.ThrowsAsync<RpcException>(() => rig.GetAsync(job.Result.ModelDigest));
        await rig.Jobs.GetJobAsync(new GetJobRequest { JobId = job.Id });
        Assert.NotEmpty(await rig.GetAsync(job.Result.ModelDigest));
        Assert.NotEmpty(await rig.GetAsync(job.Result.ProfileDigest));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Tokens_SetLater_TheLocalTenantHasWhatWasThere(bool inRedis)
    {
        await redis.CommandAsync("FLUSHALL");
        await using var before = await GatewayRig.StartedAsync(ledger: inRedis ? redis.Address.ToString() : "files");
        var spec = await before.SpecAsync();
        var job = await before.EndOfAsync((await before.StartAsync("r1", spec)).Id);
        await before.StopAsync();
        await using var rig = await TenantRig.StartedAsync(inRedis ? redis.Address.ToString() : "files", before.Folder);
        rig.Token = "local";
        await Assert.ThrowsAsync<RpcException>(() => rig.GetAsync(job.Result.ModelDigest));
        Assert.Equal((job.Id, Compression.V1.JobState.Succeeded), (await rig.StartAsync("r1", spec)) is var again ? (again.Id, again.State) : default);
        Assert.NotEmpty(await rig.GetAsync(job.Result.ModelDigest));
        Assert.Equal([job.Id], (await rig.Jobs.ListJobsAsync(new ListJobsRequest())).Jobs.Select(one => one.Id));
        Assert.Empty((await rig.AsAsync("a", () => rig.Jobs.ListJobsAsync(new ListJobsRequest()).ResponseAsync)).Jobs);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Artifact_Collected_IsNobodysAndItsBytesAreFree(bool inRedis)
    {
        await using var rig = await StartedAsync(inRedis);
        var (grants, collector) = (rig.Services.GetRequiredService<TenantGrants>(), rig.Services.GetRequiredService<ArtifactCollector>());
        Task<long> UploadedAsync() => rig.Services.GetRequiredService<GrainCalls>()
            .AskAsync<ITenantGrain, long>("a", grain => grain.UploadedBytesAsync());
        var digest = Digest.Parse(await rig.PutAsync("nobody's"u8.ToArray()));
        Assert.Equal(8, await UploadedAsync());
        foreach (var days in (int[])[3, 6])
            await collector.CollectAsync(TimeSpan.FromDays(100), TimeSpan.FromDays(2), DateTimeOffset.UtcNow.AddDays(days));
        Assert.False(await grants.HasAsync("a", digest));
        Assert.Equal(0, await UploadedAsync());
    }

    [Fact]
    public async Task Stages_OnTheGatewaysHost_AreNotForClients()
    {
        await using var rig = await StartedAsync(inRedis: false);
        using var channel = GrpcChannel.ForAddress(rig.Address);
        var headers = new Metadata { { "authorization", "Bearer a" } };
        var profiler = new Profiling.V1.LatencyProfilerService.LatencyProfilerServiceClient(channel);
        var asked = await Assert.ThrowsAsync<RpcException>(() => profiler.DescribeNetworkAsync(new Profiling.V1.DescribeNetworkRequest(), headers).ResponseAsync);
        Assert.Equal(StatusCode.PermissionDenied, asked.StatusCode);
        var steps = new StepService.StepServiceClient(channel);
        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => steps.CancelStepAsync(new CancelStepRequest { StepKey = new string('a', 64) }, headers).ResponseAsync)).StatusCode);
        // KEDA has no tokens.
        var scaler = new Keda.ExternalScaler.ExternalScaler.ExternalScalerClient(channel);
        Assert.False((await scaler.IsActiveAsync(new Keda.ExternalScaler.ScaledObjectRef { ScalerMetadata = { ["stage"] = "block-trial" } })).Result);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("a")]
    public async Task Workers_WithTokens_TakeTheGatewayThatHasOne(string? token)
    {
        await using var rig = await StartedAsync(inRedis: false);
        await using var worker = await rig.StartWorkerAsync(rig.Stages);
        var address = GatewayRig.AddressOf(worker);
        await rig.StopAsync();
        await rig.StartAsync(options =>
        {
            foreach (var stage in (IList<string>[])[options.LatencyProfilers, options.BlockTrials, options.Finetuners, options.ImageSynthesizers])
                stage.Add(address);
            options.WorkerToken = token;
        });
        var spec = await rig.SpecAsync();
        if (token is not null)
        {
            Assert.Equal(Compression.V1.JobState.Succeeded, (await rig.EndOfAsync((await rig.StartAsync("r1", spec)).Id)).State);
        }
        else
        {
            var refused = (await Assert.ThrowsAsync<RpcException>(() => rig.StartAsync("r1", spec))).Status;
            Assert.Equal(StatusCode.FailedPrecondition, refused.StatusCode);
            Assert.Contains("A worker does not know this gateway", refused.Detail, StringComparison.Ordinal);
        }

        await rig.StopAsync();
        await worker.StopAsync();
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task Workers_WithCertificates_AndTheirGatewayKnowEachOther(bool known, bool trusted)
    {
        await using var rig = new GatewayRig();
        using var authority = new TestAuthority(rig.Folder);
        using var stranger = new TestAuthority(rig.Folder, "stranger");
        var (server, client) = (authority.Server(), (known ? authority : stranger).Client("gateway"));
        rig.Defaults = options =>
        {
            if (!options.Listen.StartsWith("https", StringComparison.Ordinal))
                return;
            (options.Certificate, options.CertificateKey, options.ClientAuthority) = (server.Certificate, server.Key, authority.Root);
        };
        await using var worker = await rig.StartWorkerAsync(rig.Stages, "https://127.0.0.1:0");
        await rig.StartAsync(options =>
        {
            foreach (var stage in (IList<string>[])[options.LatencyProfilers, options.BlockTrials, options.Finetuners, options.ImageSynthesizers])
                stage.Add(GatewayRig.AddressOf(worker));
            options.WorkerAuthority = (trusted ? authority : stranger).Root;
            (options.WorkerCertificate, options.WorkerCertificateKey) = client;
            options.WorkerPatience = TimeSpan.FromMilliseconds(100);
        });
        var spec = await rig.SpecAsync();
        if (!known)
        {
            Assert.Equal(StatusCode.FailedPrecondition, (await Assert.ThrowsAsync<RpcException>(() => rig.StartAsync("r1", spec))).StatusCode);
        }
        else
        {
            // A worker that is not trusted is none that can be reached.
            var ended = await rig.EndOfAsync((await rig.StartAsync("r1", spec)).Id);
            Assert.Equal(trusted ? Compression.V1.JobState.Succeeded : Compression.V1.JobState.Failed, ended.State);
            Assert.Equal(trusted, ended.StatusMessage.Length == 0);
        }

        await rig.StopAsync();
        await worker.StopAsync();
    }

    private static async Task<bool> ExistedAsync(GatewayRig rig, byte[] content, string? digest = null)
    {
        using var call = rig.Artifacts.UploadArtifact(deadline: GatewayRig.Deadline);
        await call.RequestStream.WriteAsync(new UploadArtifactRequest { Header = new UploadHeader { Digest = digest ?? Digest.Of(content).ToString(), SizeBytes = content.Length } });
        await call.RequestStream.WriteAsync(new UploadArtifactRequest { Chunk = Google.Protobuf.ByteString.CopyFrom(content) });
        await call.RequestStream.CompleteAsync();
        return (await call).Existed;
    }

    private async Task<GatewayRig> StartedAsync(bool inRedis, Action<GatewayOptions>? configure = null)
    {
        if (!inRedis)
            return await TenantRig.StartedAsync(configure: configure);
        await redis.CommandAsync("FLUSHALL");
        return await TenantRig.StartedAsync(redis.Address.ToString(), configure: configure);
    }
}
