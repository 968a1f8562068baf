using Fewshot.Compression.V1;
using Grpc.Core;

namespace Fewshot.Gateway.Tests;

public sealed class JobTests
{
    [Fact]
    public async Task StartCompression_SameIdAndBody_IsTheSameJob()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.SpecAsync();
        var first = await rig.StartAsync("r1", spec);
        await rig.EndOfAsync(first.Id);
        var again = await rig.StartAsync("r1", spec);
        Assert.Equal((first.Id, JobState.Succeeded), (again.Id, again.State));
        Assert.Single((await rig.Jobs.ListJobsAsync(new ListJobsRequest(), deadline: GatewayRig.Deadline)).Jobs);
    }

    [Fact]
    public async Task StartCompression_SameIdOtherBody_AlreadyExists()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.SpecAsync();
        await rig.StartAsync("r1", spec);
        spec.Seed++;
        Assert.Equal(StatusCode.AlreadyExists, (await Assert.ThrowsAsync<RpcException>(() => rig.StartAsync("r1", spec))).StatusCode);
    }

    [Fact]
    public async Task StartCompression_ManyAtOnceWithOneId_AreOneJob()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.SpecAsync();
        var jobs = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => rig.StartAsync("r1", spec)));
        Assert.Single(jobs.Select(job => job.Id).Distinct());
        await rig.EndOfAsync(jobs[0].Id);
        Assert.Equal(1, rig.Stages.RunsOf("finetune"));
    }

    [Fact]
    public async Task WatchJob_FromTheMiddle_GivesTheRestWithoutGap()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var id = (await rig.StartAsync("r1", await rig.SpecAsync())).Id;
        var all = await rig.WatchAsync(id);
        Assert.Equal(Enumerable.Range(1, all.Count).Select(i => (long)i), all.Select(e => e.Sequence));
        Assert.Equal(JobState.Succeeded, all[^1].Job.State);
        var rest = await rig.WatchAsync(id, from: 4);
        Assert.Equal(all.Skip(3), rest);
        Assert.Empty(await rig.WatchAsync(id, from: all.Count + 1));
        Assert.Equal(all.Count, (await rig.Jobs.GetJobAsync(new GetJobRequest { JobId = id }, deadline: GatewayRig.Deadline)).Job.LastSequence);
        Assert.Contains(all, e => e.Step is { Name: "trials/1", Done: true, Cached: false });
        Assert.Contains(all, e => e.Progress is { Stage: "trials", Total: 60, Completed: 60 });
    }

    [Fact]
    public async Task WatchJob_NothingHappens_SaysThatItLives()
    {
        await using var rig = await GatewayRig.StartedAsync(options => options.WatchHeartbeat = TimeSpan.FromMilliseconds(20));
        using var hold = new ManualResetEventSlim();
        rig.Stages.OnRun = (_, context) => hold.Wait(context.Stop);
        var id = (await rig.StartAsync("r1", await rig.SpecAsync())).Id;
        using var call = rig.Jobs.WatchJob(new WatchJobRequest { JobId = id }, deadline: GatewayRig.Deadline);
        var last = 0L;
        await foreach (var e in call.ResponseStream.ReadAllAsync())
        {
            if (e.EventCase == WatchJobResponse.EventOneofCase.None)
            {
                Assert.Equal(last, e.Sequence);
                break;
            }

            last = e.Sequence;
        }

        hold.Set();
        await rig.EndOfAsync(id);
    }

    [Fact]
    public async Task CancelJob_WhileAStepRuns_StopsTheStepAndTheJob()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        rig.Stages.OnRun = (stage, context) =>
        {
            if (stage != "finetune")
                return;
            entered.SetResult();
            context.Stop.WaitHandle.WaitOne();
            stopped.SetResult();
        };
        var id = (await rig.StartAsync("r1", await rig.SpecAsync())).Id;
        await entered.Task;
        await SeenAsync(rig, id, e => e.Step is { Name: "finetune", Done: false });
        await rig.Jobs.CancelJobAsync(new CancelJobRequest { JobId = id }, deadline: GatewayRig.Deadline);
        await stopped.Task.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Equal(JobState.Cancelled, (await rig.EndOfAsync(id)).State);
        // A job that has ended stays as it is.
        Assert.Equal(JobState.Cancelled, (await rig.Jobs.CancelJobAsync(new CancelJobRequest { JobId = id }, deadline: GatewayRig.Deadline)).Job.State);
    }

    [Fact]
    public async Task CancelJob_ThatWaitsForItsTurn_EndsAtOnce()
    {
        await using var rig = await GatewayRig.StartedAsync(options => options.ConcurrentJobs = 1);
        using var hold = new ManualResetEventSlim();
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        rig.Stages.OnRun = (_, context) =>
        {
            entered.TrySetResult();
            WaitHandle.WaitAny([hold.WaitHandle, context.Stop.WaitHandle], TimeSpan.FromSeconds(60));
        };
        var first = (await rig.StartAsync("r1", await rig.SpecAsync())).Id;
        await entered.Task;
        var second = (await rig.StartAsync("r2", await rig.SpecAsync())).Id;
        await rig.Jobs.CancelJobAsync(new CancelJobRequest { JobId = second }, deadline: GatewayRig.Deadline);
        Assert.Equal(JobState.Cancelled, (await rig.EndOfAsync(second)).State);
        Assert.Equal(JobState.Running, (await rig.Jobs.GetJobAsync(new GetJobRequest { JobId = first }, deadline: GatewayRig.Deadline)).Job.State);
        hold.Set();
        Assert.Equal(JobState.Succeeded, (await rig.EndOfAsync(first)).State);
    }

    [Fact]
    public async Task CancelJob_OnOneOfTwoWithTheSameSteps_TheOtherEndsWell()
    {
        await using var rig = await GatewayRig.StartedAsync();
        using var hold = new ManualResetEventSlim();
        rig.Stages.OnRun = (stage, context) =>
        {
            if (stage == "finetune")
                hold.Wait(context.Stop);
        };
        var spec = await rig.SpecAsync();
        var one = (await rig.StartAsync("r1", spec)).Id;
        await SeenAsync(rig, one, e => e.Step is { Name: "finetune" });
        var two = (await rig.StartAsync("r2", spec)).Id;
        await SeenAsync(rig, two, e => e.Step is { Name: "evaluate/before", Done: true });
        await rig.Jobs.CancelJobAsync(new CancelJobRequest { JobId = one }, deadline: GatewayRig.Deadline);
        Assert.Equal(JobState.Cancelled, (await rig.EndOfAsync(one)).State);
        hold.Set();
        Assert.Equal(JobState.Succeeded, (await rig.EndOfAsync(two)).State);
    }

    [Fact]
    public async Task ListJobs_Pages_GiveEveryJobOnceNewestFirst()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.SpecAsync();
        for (var i = 0; i < 5; i++)
            await rig.StartAsync($"r{i}", spec);
        List<string> listed = [];
        var request = new ListJobsRequest { PageSize = 2 };
        do
        {
            var page = await rig.Jobs.ListJobsAsync(request, deadline: GatewayRig.Deadline);
            listed.AddRange(page.Jobs.Select(job => job.RequestId));
            request.PageToken = page.NextPageToken;
        }
        while (request.PageToken.Length > 0);
        Assert.Equal(["r4", "r3", "r2", "r1", "r0"], listed);
        request.PageToken = "job-unknown";
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(() => rig.Jobs.ListJobsAsync(request).ResponseAsync)).StatusCode);
    }

    [Theory]
    [InlineData("job-00000000000000000000")]
    [InlineData("../../etc/passwd")]
    [InlineData("")]
    public async Task GetJob_Unknown_NotFound(string id)
    {
        await using var rig = await GatewayRig.StartedAsync();
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => rig.Jobs.GetJobAsync(new GetJobRequest { JobId = id }).ResponseAsync)).StatusCode);
    }

    private static async Task SeenAsync(GatewayRig rig, string id, Func<WatchJobResponse, bool> wanted)
    {
        using var call = rig.Jobs.WatchJob(new WatchJobRequest { JobId = id }, deadline: GatewayRig.Deadline);
        await foreach (var e in call.ResponseStream.ReadAllAsync())
        {
            if (wanted(e))
                return;
        }

        Assert.Fail("The job ended without the event.");
    }
}
