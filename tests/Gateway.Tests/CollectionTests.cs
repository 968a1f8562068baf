using Fewshot.Artifacts;
using Fewshot.Compression.V1;
using Fewshot.Gateway.Jobs;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Fewshot.Gateway.Tests;

public sealed class CollectionTests(RedisProcess redis) : IClassFixture<RedisProcess>
{
    private static readonly TimeSpan Grace = TimeSpan.FromDays(2), Keep = TimeSpan.FromDays(100);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task CollectAsync_KeptJob_LosesNothingAndWhatNobodyNeedsGoesAtSecondSight(bool inRedis)
    {
        await using var rig = await StartedAsync(inRedis);
        var spec = await rig.SpecAsync();
        var job = await rig.EndOfAsync((await rig.StartAsync("r1", spec)).Id);
        using var waiting = await BlockedAsync(rig);
        var orphan = Digest.Parse(await rig.PutAsync("nobody's"u8.ToArray()));
        var kept = await NamesAsync(rig, StepNames.Results);
        // Other steps' record and checkpoint, one that is lost, and the checkpoint of a worker that came too late.
        var (record, checkpoint) = (await rig.PutAsync("a record"u8.ToArray()), await rig.PutAsync("a checkpoint"u8.ToArray()));
        var (loose, unfinished) = (StepNames.ResultOf(KeyOf("loose")), StepNames.CheckpointOf(KeyOf("unfinished")));
        var (lost, late) = (StepNames.ResultOf(KeyOf("lost")), StepNames.Checkpoints + kept[0][StepNames.Results.Length..]);
        await Names(rig).SetAsync(loose, Digest.Parse(record));
        await Names(rig).SetAsync(unfinished, Digest.Parse(checkpoint));
        await Names(rig).SetAsync(late, Digest.Parse(checkpoint));
        await Names(rig).SetAsync(lost, Digest.Of("never stored"u8));

        Assert.Equal((0, 0), await CollectAsync(rig, days: 0));
        Assert.Equal((null, null), (await Names(rig).FindAsync(late), await Names(rig).FindAsync(lost)));
        Assert.Equal((0, 0), await CollectAsync(rig, days: 3));
        Assert.Equal((0, 0), await CollectAsync(rig, days: 4));
        Assert.NotNull(await Artifacts(rig).StatAsync(orphan));
        Assert.Equal(checkpoint, (await Names(rig).FindAsync(unfinished)).ToString());
        Assert.Equal(record, (await Names(rig).FindAsync(loose)).ToString());
        var (forgotten, removed) = await CollectAsync(rig, days: 6);
        Assert.True(forgotten == 0 && removed >= 3);
        foreach (var gone in new[] { orphan, Digest.Parse(record), Digest.Parse(checkpoint) })
            Assert.Null(await Artifacts(rig).StatAsync(gone));
        Assert.Equal(kept, await NamesAsync(rig, StepNames.Results));
        Assert.Empty(await NamesAsync(rig, StepNames.Checkpoints));

        // Every step of the same work is still known, and what it made is there.
        rig.Stages.OnRun = (_, _) => throw new InvalidOperationException("No step should run again.");
        var again = await rig.EndOfAsync((await rig.StartAsync("r2", spec)).Id);
        Assert.Equal((Compression.V1.JobState.Succeeded, job.Result.ModelDigest), (again.State, again.Result.ModelDigest));
        rig.Stages.OnRun = (_, _) => { };
        waiting.Set();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task CollectAsync_JobsThatEndedLongAgo_AreForgottenWithAllTheyMade(bool inRedis)
    {
        await using var rig = await StartedAsync(inRedis);
        var job = await rig.EndOfAsync((await rig.StartAsync("r1", await rig.SpecAsync())).Id);
        Assert.Equal((1, 0), await CollectAsync(rig, days: 101));
        await CollectAsync(rig, days: 104);
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => rig.Jobs.GetJobAsync(new GetJobRequest { JobId = job.Id }).ResponseAsync)).StatusCode);
        Assert.Empty((await rig.Jobs.ListJobsAsync(new ListJobsRequest())).Jobs);
        Assert.Empty(await rig.Services.GetRequiredService<JobStore>().UnfinishedAsync());
        // Only the list of what was found lately is left, and the one before it.
        List<Digest> left = [];
        await foreach (var artifact in ((IArtifactRemoval)Artifacts(rig)).ListAsync())
            left.Add(artifact.Digest);
        Assert.InRange(left.Count, 1, 2);
        Assert.Null(await Artifacts(rig).StatAsync(Digest.Parse(job.Result.ModelDigest)));
        Assert.Empty(await NamesAsync(rig, StepNames.Results));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task CollectAsync_StepIsAtWork_KeepsItsCheckpoint(bool inRedis)
    {
        await using var rig = await StartedAsync(inRedis);
        var saved = new TaskCompletionSource<StepKey>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var go = new ManualResetEventSlim();
        rig.Stages.OnRun = (_, context) =>
        {
            context.Checkpoints.Save(stream => stream.Write("so far"u8));
            saved.TrySetResult(context.Key);
            WaitHandle.WaitAny([go.WaitHandle, context.Stop.WaitHandle]);
        };
        var id = (await rig.StartAsync("r1", await rig.SpecAsync())).Id;
        var name = StepNames.CheckpointOf(await saved.Task);
        await rig.StepNotedAsync(id);
        foreach (var day in new[] { 0, 3, 6, 9 })
            await CollectAsync(rig, day);
        Assert.Equal(Digest.Of("so far"u8), await Names(rig).FindAsync(name));
        Assert.NotNull(await Artifacts(rig).StatAsync(Digest.Of("so far"u8)));
        rig.Stages.OnRun = (_, _) => { };
        go.Set();
        await rig.EndOfAsync(id);
        Assert.Null(await Names(rig).FindAsync(name));
    }

    private static IArtifactNames Names(GatewayRig rig) => rig.Services.GetRequiredService<IArtifactNames>();

    private static StepKey KeyOf(string request) =>
        StepKey.Of("/fewshot.test.v1.Test/Run", 1, System.Text.Encoding.ASCII.GetBytes(request));

    private static async Task<List<string>> NamesAsync(GatewayRig rig, string prefix)
    {
        List<string> found = [];
        await foreach (var (name, _) in Names(rig).ListAsync(prefix))
            found.Add(name);
        found.Sort(StringComparer.Ordinal);
        return found;
    }

    private static IArtifactStore Artifacts(GatewayRig rig) => rig.Services.GetRequiredService<IArtifactStore>();

    private static Task<(int Jobs, int Artifacts)> CollectAsync(GatewayRig rig, int days) =>
        rig.Services.GetRequiredService<ArtifactCollector>().CollectAsync(Keep, Grace, DateTimeOffset.UtcNow.AddDays(days));

    /// <summary>Starts a job that is at its first step until the event is set.</summary>
    private static async Task<ManualResetEventSlim> BlockedAsync(GatewayRig rig)
    {
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var go = new ManualResetEventSlim();
        rig.Stages.OnRun = (_, context) =>
        {
            entered.TrySetResult();
            WaitHandle.WaitAny([go.WaitHandle, context.Stop.WaitHandle]);
        };
        await rig.StartAsync("blocked", await rig.SpecAsync(practise => practise.TrialIterations = 11));
        await entered.Task;
        return go;
    }

    private async Task<GatewayRig> StartedAsync(bool inRedis)
    {
        await redis.CommandAsync("FLUSHALL");
        return await GatewayRig.StartedAsync(ledger: inRedis ? redis.Address.ToString() : "files");
    }
}
