using Fewshot.Artifacts;
using Fewshot.Artifacts.V1;

namespace Fewshot.ServiceDefaults.Tests;

public sealed class StepRunnerTests : IDisposable
{
    // Real messages stand in for a stage's; which ones does not matter to the runner.
    private static readonly StepDefinition Step = new("/fewshot.test.v1.Test/Run", 1, "test");
    private static readonly StatArtifactRequest Request = new() { Digest = "a" };
    private readonly SharedSteps shared = new();

    public void Dispose() => shared.Dispose();

    [Fact]
    public async Task RunAsync_SecondCall_IsFoundDone()
    {
        var runner = Runner();
        var runs = 0;
        StatArtifactResponse Work(StepContext context) => new() { SizeBytes = Interlocked.Increment(ref runs) };
        var first = await runner.RunAsync(Step, Request, Work, new Listener(), default);
        var second = await runner.RunAsync(Step, Request, Work, new Listener(), default);
        Assert.False(first.Cached);
        Assert.True(second.Cached);
        Assert.Equal(1, second.Result.SizeBytes);
        Assert.Equal(1, runs);
    }

    [Fact]
    public async Task RunAsync_OtherRequest_IsAnotherStep()
    {
        var runner = Runner();
        var one = await runner.RunAsync(Step, Request, _ => new StatArtifactResponse { SizeBytes = 1 }, new Listener(), default);
        var two = await runner.RunAsync(Step, new StatArtifactRequest { Digest = "b" }, _ => new StatArtifactResponse { SizeBytes = 2 }, new Listener(), default);
        Assert.NotEqual(one.Key, two.Key);
        Assert.Equal(2, two.Result.SizeBytes);
    }

    [Fact]
    public async Task RunAsync_WhileRunning_Attaches()
    {
        var runner = Runner();
        using var hold = new Hold();
        var runs = 0;
        StatArtifactResponse Work(StepContext context)
        {
            Interlocked.Increment(ref runs);
            hold.Wait(context.Stop);
            return new StatArtifactResponse { SizeBytes = 7 };
        }

        var first = runner.RunAsync(Step, Request, Work, new Listener(), default);
        await hold.Entered;
        var second = runner.RunAsync(Step, Request, Work, new Listener(), default);
        hold.Release();
        Assert.Equal(7, (await first).Result.SizeBytes);
        Assert.Equal(7, (await second).Result.SizeBytes);
        Assert.Equal(1, runs);
    }

    [Fact]
    public async Task RunAsync_CallerGone_WorkGoesOnAndIsKept()
    {
        var runner = Runner();
        using var hold = new Hold();
        using var gone = new CancellationTokenSource();
        var first = runner.RunAsync(Step, Request, Held(hold), new Listener(), gone.Token);
        await hold.Entered;
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        var attached = runner.RunAsync(Step, Request, Held(hold), new Listener(), default);
        hold.Release();
        Assert.Equal(7, (await attached).Result.SizeBytes);
    }

    [Fact]
    public async Task Cancel_CallerHasLeft_StopsTheWorkAndTheNextCallContinuesFromItsCheckpoint()
    {
        var runner = Runner();
        using var hold = new Hold();
        using var gone = new CancellationTokenSource();
        var first = runner.RunAsync(Step, Request, Held(hold, saveOnStop: 42), new Listener(), gone.Token);
        await hold.Entered;
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Assert.True(runner.Cancel(Step.KeyOf(Request)));

        var again = await runner.RunAsync(Step, Request, FromCheckpoint, new Listener(), default);
        Assert.Equal(42, again.Result.SizeBytes);
    }

    [Fact]
    public async Task Cancel_AnotherCallerStillWaits_WorkGoesOn()
    {
        var runner = Runner();
        using var hold = new Hold();
        using var gone = new CancellationTokenSource();
        var first = runner.RunAsync(Step, Request, Held(hold), new Listener(), gone.Token);
        await hold.Entered;
        var second = runner.RunAsync(Step, Request, Held(hold), new Listener(), default);
        Assert.True(runner.Cancel(Step.KeyOf(Request)));
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        hold.Release();
        Assert.Equal(7, (await second).Result.SizeBytes);
    }

    [Fact]
    public void Cancel_NothingRuns_SaysSo() => Assert.False(Runner().Cancel(Step.KeyOf(Request)));

    [Fact]
    public async Task RunAsync_Failure_IsToldToEveryCallerAndNotRemembered()
    {
        var runner = Runner();
        await Assert.ThrowsAsync<PreconditionException>(
            () => runner.RunAsync<StatArtifactResponse>(Step, Request, _ => throw new PreconditionException("no labels"), new Listener(), default));
        var again = await runner.RunAsync(Step, Request, _ => new StatArtifactResponse { SizeBytes = 3 }, new Listener(), default);
        Assert.False(again.Cached);
        Assert.Equal(3, again.Result.SizeBytes);
    }

    [Fact]
    public async Task RunAsync_AnotherStepRuns_IsSentAwayWithAHint()
    {
        var runner = Runner(options => options.StepQueue = TimeSpan.FromMilliseconds(1));
        using var hold = new Hold();
        var first = runner.RunAsync(Step, Request, Held(hold), new Listener(), default);
        await hold.Entered;
        var busy = await Assert.ThrowsAsync<RetryLaterException>(
            () => runner.RunAsync(Step, new StatArtifactRequest { Digest = "b" }, _ => new StatArtifactResponse(), new Listener(), default));
        Assert.False(busy.Stopping);
        Assert.True(busy.RetryAfter > TimeSpan.Zero);
        hold.Release();
        await first;
    }

    [Fact]
    public async Task RunAsync_ArtifactOfTheResultIsGone_RunsAgain()
    {
        var runner = Runner();
        var made = default(Digest);
        StatArtifactResponse Work(StepContext context)
        {
            made = context.Store(stream => stream.Write("weights"u8));
            return new StatArtifactResponse { SizeBytes = 1 };
        }

        await runner.RunAsync(Step, Request, Work, new Listener(), default);
        File.Delete(shared.ArtifactOf(made));
        var again = await runner.RunAsync(Step, Request, Work, new Listener(), default);
        Assert.False(again.Cached);
        Assert.True(File.Exists(shared.ArtifactOf(made)));
        Assert.True((await runner.RunAsync(Step, Request, Work, new Listener(), default)).Cached);
    }

    [Fact]
    public async Task DrainAsync_WhileRunning_HandsBackAndAdmitsNothing()
    {
        var runner = Runner();
        using var hold = new Hold();
        var first = runner.RunAsync(Step, Request, Held(hold, saveOnStop: 5), new Listener(), default);
        await hold.Entered;
        await runner.DrainAsync(default);
        Assert.True((await Assert.ThrowsAsync<RetryLaterException>(() => first)).Stopping);
        await Assert.ThrowsAsync<RetryLaterException>(() => runner.RunAsync(Step, Request, FromCheckpoint, new Listener(), default));
        var next = await Runner().RunAsync(Step, Request, FromCheckpoint, new Listener(), default);
        Assert.Equal(5, next.Result.SizeBytes);
    }

    [Fact]
    public async Task Store_WriterThrows_NothingIsStoredAndTheErrorIsTheWriters()
    {
        var runner = Runner();
        await Assert.ThrowsAsync<PreconditionException>(() => runner.RunAsync(Step, Request, context =>
        {
            context.Store(stream =>
            {
                stream.Write(new byte[100_000]);
                throw new PreconditionException("broken");
            });
            return new StatArtifactResponse();
        }, new Listener(), default));
        Assert.Empty(Directory.EnumerateFiles(shared.Artifacts));
    }

    [Fact]
    public async Task Record_OfAnotherStep_IsFoundByItsOwnCall()
    {
        var runner = Runner();
        var other = new StatArtifactRequest { Digest = "other" };
        await runner.RunAsync(Step, Request, context =>
        {
            Assert.Null(context.FindResult<StatArtifactResponse>(Step, other));
            context.Record(Step, other, new StatArtifactResponse { SizeBytes = 9 }, TimeSpan.FromSeconds(2));
            Assert.Equal(9, context.FindResult<StatArtifactResponse>(Step, other)!.SizeBytes);
            return new StatArtifactResponse();
        }, new Listener(), default);
        var found = await runner.RunAsync<StatArtifactResponse>(Step, other, _ => throw new InvalidOperationException(), new Listener(), default);
        Assert.True(found.Cached);
        Assert.Equal(9, found.Result.SizeBytes);
        Assert.Equal(TimeSpan.FromSeconds(2), found.Duration);
    }

    private static Func<StepContext, StatArtifactResponse> Held(Hold hold, byte? saveOnStop = null) => context =>
    {
        try
        {
            hold.Wait(context.Stop);
        }
        catch (OperationCanceledException) when (saveOnStop is not null)
        {
            context.Checkpoints.Save(stream => stream.WriteByte(saveOnStop.Value));
            throw;
        }

        return new StatArtifactResponse { SizeBytes = 7 };
    };

    private static StatArtifactResponse FromCheckpoint(StepContext context) => new() { SizeBytes = SharedSteps.CheckpointOf(context) ?? 0 };

    private StepRunner Runner(Action<FewshotOptions>? configure = null) => shared.Runner(configure);
}
