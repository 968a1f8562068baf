using System.Net;
using Fewshot.Compression.V1;
using Fewshot.Gateway.Grpc;
using Fewshot.ServiceDefaults;
using Grpc.Core;

namespace Fewshot.Gateway.Tests;

public sealed class WorkerTests
{
    [Fact]
    public async Task Worker_Busy_IsWaitedForWithoutCost()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var left = 6;
        rig.Stages.OnCall = stage =>
        {
            if (stage == "finetune" && Interlocked.Decrement(ref left) >= 0)
                throw new RetryLaterException("busy", TimeSpan.FromMilliseconds(1));
        };
        Assert.Equal(JobState.Succeeded, (await rig.EndOfAsync((await rig.StartAsync("r1", await rig.SpecAsync())).Id)).State);
    }

    [Fact]
    public async Task Worker_LostThreeTimes_TheStepIsGivenUpWithAClearError()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var calls = 0;
        rig.Stages.OnCall = stage =>
        {
            if (stage != "finetune")
                return;
            Interlocked.Increment(ref calls);
            throw new RpcException(new Status(StatusCode.Unavailable, "gone"));
        };
        var ended = await rig.EndOfAsync((await rig.StartAsync("r1", await rig.SpecAsync())).Id);
        Assert.Equal((JobState.Failed, (int)StatusCode.Unavailable), (ended.State, ended.StatusCode));
        Assert.Equal("Step finetune lost its worker 3 times and is given up; last: gone", ended.StatusMessage);
        Assert.Equal(3, calls);
    }

    [Fact]
    public async Task Worker_LostAgainAndAgainButEachWentFurther_TheStepIsNotGivenUp()
    {
        await using var rig = await GatewayRig.StartedAsync(options => options.RetryPause = TimeSpan.FromMilliseconds(1));
        var (runs, seen) = (0, 0L);
        rig.Stages.OnRun = (stage, context) =>
        {
            if (stage != "finetune" || Interlocked.Increment(ref runs) is var run && run > 6)
                return;
            context.Progress.Report(new Artifacts.StepProgress(stage, run, 10));
            Assert.True(SpinWait.SpinUntil(() => Interlocked.Read(ref seen) >= run, TimeSpan.FromSeconds(30)), $"progress {run} was not seen");
            throw new RpcException(new Status(StatusCode.Unavailable, "gone"));
        };
        var id = (await rig.StartAsync("r1", await rig.SpecAsync())).Id;
        using var watch = rig.Jobs.WatchJob(new WatchJobRequest { JobId = id }, deadline: GatewayRig.Deadline);
        JobState last = default;
        await foreach (var e in watch.ResponseStream.ReadAllAsync())
        {
            if (e.Progress is { Stage: "finetune" } progress)
                Interlocked.Exchange(ref seen, progress.Completed);
            last = e.Job?.State ?? last;
        }

        Assert.Equal((JobState.Succeeded, 7), (last, runs));
    }

    [Fact]
    public async Task Worker_LostThreeTimes_NoJobTriesTheseInputsUntilTheirQuarantineEnds()
    {
        await using var rig = await GatewayRig.StartedAsync(options => options.PoisonQuarantine = TimeSpan.FromMinutes(5));
        var calls = 0;
        rig.Stages.OnCall = stage =>
        {
            if (stage == "finetune" && Interlocked.Increment(ref calls) <= 3)
                throw new RpcException(new Status(StatusCode.Unavailable, "gone"));
        };
        var spec = await rig.SpecAsync();
        Assert.Equal(JobState.Failed, (await rig.EndOfAsync((await rig.StartAsync("r1", spec)).Id)).State);
        // Another seed makes other steps, of the same inputs.
        foreach (var (id, seed) in new[] { ("r2", spec.Seed), ("r3", spec.Seed + 1) })
        {
            spec.Seed = seed;
            var refused = await rig.EndOfAsync((await rig.StartAsync(id, spec)).Id);
            Assert.Equal((JobState.Failed, (int)StatusCode.Unavailable, 3), (refused.State, refused.StatusCode, calls));
            Assert.Matches(
                "^Step finetune lost its worker 3 times and is not tried again before .*Z \\(Gateway:PoisonQuarantine\\); last: gone$",
                refused.StatusMessage);
        }

        spec.ImageSetDigest = await rig.PutAsync("other images"u8.ToArray());
        Assert.Equal(JobState.Succeeded, (await rig.EndOfAsync((await rig.StartAsync("r4", spec)).Id)).State);
    }

    [Fact]
    public async Task Worker_LostTwiceThenCancelled_TheNextJobHasWhatIsLeftOfTheBudget()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var calls = 0;
        var third = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var go = new ManualResetEventSlim();
        rig.Stages.OnCall = stage =>
        {
            if (stage != "finetune")
                return;
            if (Interlocked.Increment(ref calls) == 3)
            {
                third.SetResult();
                go.Wait(TimeSpan.FromSeconds(30));
            }

            throw new RpcException(new Status(StatusCode.Unavailable, "gone"));
        };
        var spec = await rig.SpecAsync();
        var first = await rig.StartAsync("r1", spec);
        await third.Task;
        await rig.Jobs.CancelJobAsync(new CancelJobRequest { JobId = first.Id }, deadline: GatewayRig.Deadline);
        Assert.Equal(JobState.Cancelled, (await rig.EndOfAsync(first.Id)).State);
        go.Set();
        spec.Seed++;
        var ended = await rig.EndOfAsync((await rig.StartAsync("r2", spec)).Id);
        Assert.Equal((JobState.Failed, 4), (ended.State, calls));
    }

    [Fact]
    public async Task Worker_LostTwiceButTheStepEnds_TheNextJobHasTheWholeBudget()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var calls = 0;
        rig.Stages.OnCall = stage =>
        {
            if (stage == "finetune" && Interlocked.Increment(ref calls) is 1 or 2 or 4 or 5)
                throw new RpcException(new Status(StatusCode.Unavailable, "gone"));
        };
        var spec = await rig.SpecAsync();
        Assert.Equal(JobState.Succeeded, (await rig.EndOfAsync((await rig.StartAsync("r1", spec)).Id)).State);
        spec.Seed++;
        Assert.Equal(JobState.Succeeded, (await rig.EndOfAsync((await rig.StartAsync("r2", spec)).Id)).State);
        Assert.Equal(6, calls);
    }

    [Fact]
    public async Task Worker_NobodyListens_TheJobFailsAsUnavailable()
    {
        await using var rig = await GatewayRig.StartedAsync(options =>
        {
            options.Finetuners.Add("http://127.0.0.1:1");
            options.WorkerPatience = TimeSpan.FromMilliseconds(100);
        });
        var ended = await rig.EndOfAsync((await rig.StartAsync("r1", await rig.SpecAsync())).Id);
        Assert.Equal((JobState.Failed, (int)StatusCode.Unavailable), (ended.State, ended.StatusCode));
        Assert.StartsWith("No worker for step evaluate/teacher could be reached", ended.StatusMessage, StringComparison.Ordinal);
    }

    [Fact]
    public async Task StartCompression_NoWorkerIsUpYet_IsTakenAndTheJobWaits()
    {
        await using var rig = new GatewayRig();
        string address;
        await using (var gone = await rig.StartWorkerAsync(new FakeStages()))
            address = GatewayRig.AddressOf(gone);
        await rig.StartAsync(options => options.LatencyProfilers.Add(address));
        var job = await rig.StartAsync("r1", await rig.SpecAsync());
        await using var worker = await rig.StartWorkerAsync(new FakeStages(), address);
        Assert.Equal(JobState.Succeeded, (await rig.EndOfAsync(job.Id)).State);
    }

    [Fact]
    public async Task Worker_StopsAndComesBack_TheStepGoesOnFromItsCheckpoint()
    {
        await using var rig = new GatewayRig();
        var stages = new FakeStages();
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        stages.OnRun = (stage, context) =>
        {
            if (stage != "finetune")
                return;
            entered.SetResult();
            context.Stop.WaitHandle.WaitOne();
            context.Checkpoints.Save(stream => stream.WriteByte(7));
        };
        string address;
        await using (var worker = await rig.StartWorkerAsync(stages))
        {
            address = GatewayRig.AddressOf(worker);
            await rig.StartAsync(options => options.Finetuners.Add(address));
            var id = (await rig.StartAsync("r1", await rig.SpecAsync())).Id;
            await entered.Task;
            await worker.StopAsync();
        }

        var found = 0;
        stages.OnRun = (stage, context) =>
        {
            using var checkpoint = stage == "finetune" ? context.Checkpoints.OpenNewest() : null;
            found += checkpoint?.ReadByte() ?? 0;
        };
        await using var next = await rig.StartWorkerAsync(stages, address);
        var ended = await rig.EndOfAsync(Jobs.JobIds.Of("r1"));
        Assert.Equal((JobState.Succeeded, ""), (ended.State, ended.StatusMessage));
        Assert.Equal(7, found);
    }

    [Fact]
    public async Task Worker_Silent_CountsAsLost()
    {
        await using var rig = await GatewayRig.StartedAsync(options => options.WorkerSilence = TimeSpan.FromMilliseconds(300));
        var first = true;
        using var hold = new ManualResetEventSlim();
        rig.Stages.OnCall = stage =>
        {
            if (stage == "finetune" && first)
            {
                first = false;
                hold.Wait(TimeSpan.FromSeconds(20));
            }
        };
        var ended = await rig.EndOfAsync((await rig.StartAsync("r1", await rig.SpecAsync())).Id);
        hold.Set();
        Assert.Equal((JobState.Succeeded, ""), (ended.State, ended.StatusMessage));
    }

    [Fact]
    public async Task Worker_AliveButWithoutProgress_CountsAsLost()
    {
        await using var rig = new GatewayRig { Defaults = options => options.ProgressHeartbeat = TimeSpan.FromMilliseconds(50) };
        await rig.StartAsync(options => options.StepPatience = TimeSpan.FromSeconds(1));
        using var stuck = new ManualResetEventSlim();
        rig.Stages.OnRun = (stage, context) =>
        {
            if (stage == "finetune")
                WaitHandle.WaitAny([stuck.WaitHandle, context.Stop.WaitHandle]);
        };
        var ended = await rig.EndOfAsync((await rig.StartAsync("r1", await rig.SpecAsync())).Id);
        stuck.Set();
        Assert.Equal(
            "Step finetune lost its worker 3 times and is given up; last: The worker made no progress for 1 s (Gateway:StepPatience).",
            ended.StatusMessage);
    }

    [Fact]
    public async Task Worker_EndsItselfAfterADeviceError_CountsAsLost()
    {
        await using var rig = await GatewayRig.StartedAsync();
        rig.Stages.OnCall = stage =>
        {
            if (stage == "finetune")
                throw new WorkerFailedException("The worker's GPU failed; the worker ends.");
        };
        var ended = await rig.EndOfAsync((await rig.StartAsync("r1", await rig.SpecAsync())).Id);
        Assert.Equal("Step finetune lost its worker 3 times and is given up; last: The worker's GPU failed; the worker ends.", ended.StatusMessage);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Workers_TwoForTrials_BothGetGroups(bool behindOneName)
    {
        await using var rig = new GatewayRig();
        var (left, right) = (new FakeStages(), new FakeStages());
        await using var one = await rig.StartWorkerAsync(left, "http://127.0.0.2:0");
        var port = new Uri(GatewayRig.AddressOf(one)).Port;
        await using var two = await rig.StartWorkerAsync(right, $"http://127.0.0.3:{port}");
        rig.Resolve = (name, _) => Task.FromResult(name == "workers.test" ? new[] { IPAddress.Parse("127.0.0.2"), IPAddress.Parse("127.0.0.3") } : []);
        using var both = new Barrier(2);
        // Each worker's first group waits for the other's: they run at the same time or not at all.
        foreach (var worker in new[] { left, right })
        {
            var first = true;
            worker.OnRun = (_, _) =>
            {
                if (!first)
                    return;
                first = false;
                Assert.True(both.SignalAndWait(TimeSpan.FromSeconds(30)));
            };
        }

        await rig.StartAsync(options =>
        {
            foreach (var url in behindOneName ? [$"http://workers.test:{port}"] : new[] { GatewayRig.AddressOf(one), GatewayRig.AddressOf(two) })
                options.BlockTrials.Add(url);
        });
        var ended = await rig.EndOfAsync((await rig.StartAsync("r1", await rig.SpecAsync())).Id);
        Assert.Equal((JobState.Succeeded, ""), (ended.State, ended.StatusMessage));
        Assert.Equal(3, left.RunsOf("trials") + right.RunsOf("trials"));
        Assert.Equal(0, rig.Stages.RunsOf("trials"));
    }
}
