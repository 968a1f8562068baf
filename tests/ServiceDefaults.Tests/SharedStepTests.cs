using Fewshot.Artifacts;
using Fewshot.Artifacts.V1;

namespace Fewshot.ServiceDefaults.Tests;

/// <summary>Steps of several workers, which know of each other only what is recorded beside the artifacts.</summary>
public sealed class SharedStepTests : IDisposable
{
    private static readonly StepDefinition Step = new("/fewshot.test.v1.Test/Run", 1, "test");
    private static readonly StatArtifactRequest Request = new() { Digest = "a" }, Another = new() { Digest = "b" };
    private readonly SharedSteps shared = new();

    public enum What
    {
        Name,
        NameOfAnotherArtifact,
        NameOfALargeArtifact,
        Record,
        RecordGone,
    }

    private static StepKey Key => Step.KeyOf(Request);

    public void Dispose() => shared.Dispose();

    [Fact]
    public async Task RunAsync_AnotherWorkerCommitsFirst_BothGiveItsResult()
    {
        var (one, two) = (shared.Runner(), shared.Runner());
        using var slow = new Hold();
        var runs = 0;
        var first = one.RunAsync(Step, Request, context =>
        {
            slow.Wait(context.Stop);
            return Result(Interlocked.Increment(ref runs));
        }, new Listener(), default);
        await slow.Entered;
        var second = await two.RunAsync(Step, Request, _ => Result(Interlocked.Increment(ref runs)), new Listener(), default);
        slow.Release();
        Assert.Equal((1, 1, 2), (second.Result.SizeBytes, (await first).Result.SizeBytes, runs));
        var found = await shared.Runner().RunAsync(Step, Request, MustNotRun, new Listener(), default);
        Assert.Equal((true, 1), (found.Cached, found.Result.SizeBytes));
    }

    [Fact]
    public async Task RunAsync_ManyWorkersAtOnce_OneResultIsSeen()
    {
        using var together = new Barrier(4);
        var outcomes = await Task.WhenAll(Enumerable.Range(1, 4).Select(i => shared.Runner().RunAsync(Step, Request, _ =>
        {
            together.SignalAndWait(TimeSpan.FromSeconds(30));
            return Result(i);
        }, new Listener(), default)));
        Assert.Single(outcomes.Select(outcome => outcome.Result.SizeBytes).Distinct());
    }

    [Fact]
    public async Task RunAsync_FinishedElsewhereWhileItWaitsForItsTurn_IsFoundDone()
    {
        var (busy, other) = (shared.Runner(), shared.Runner());
        using var hold = new Hold();
        var before = busy.RunAsync(Step, Another, context =>
        {
            hold.Wait(context.Stop);
            return Result(0);
        }, new Listener(), default);
        await hold.Entered;
        var waiting = busy.RunAsync(Step, Request, MustNotRun, new Listener(), default);
        await other.RunAsync(Step, Request, _ => Result(3), new Listener(), default);
        hold.Release();
        var found = await waiting;
        Assert.Equal((true, 3), (found.Cached, found.Result.SizeBytes));
        await before;
    }

    [Fact]
    public async Task RunAsync_WorkerFallsSilentMidStep_AnotherContinuesFromItsCheckpoint()
    {
        using var silent = new Hold();
        var lost = shared.Runner().RunAsync(Step, Request, context =>
        {
            context.Checkpoints.Save(stream => stream.WriteByte(4));
            context.Checkpoints.Save(stream => stream.WriteByte(5));
            silent.Wait(context.Stop);
            return Result(99);
        }, new Listener(), default);
        await silent.Entered;
        var ended = await shared.Runner().RunAsync(Step, Request, FromCheckpoint, new Listener(), default);
        Assert.Equal(5, ended.Result.SizeBytes);
        Assert.False(File.Exists(shared.FileOf(StepNames.CheckpointOf(Key))));
        // The one that was taken for lost comes too late.
        silent.Release();
        Assert.Equal(5, (await lost).Result.SizeBytes);
    }

    [Fact]
    public async Task RunAsync_CheckpointIsDamaged_StartsFromTheBeginning()
    {
        var stopped = shared.Runner();
        await Assert.ThrowsAsync<PreconditionException>(() => stopped.RunAsync<StatArtifactResponse>(Step, Request, context =>
        {
            context.Checkpoints.Save(stream => stream.WriteByte(5));
            throw new PreconditionException("stopped");
        }, new Listener(), default));
        var checkpoint = Digest.Parse(await File.ReadAllTextAsync(shared.FileOf(StepNames.CheckpointOf(Key))));
        await File.WriteAllTextAsync(shared.ArtifactOf(checkpoint), "damaged");
        var again = await shared.Runner().RunAsync(Step, Request, FromCheckpoint, new Listener(), default);
        Assert.Equal(0, again.Result.SizeBytes);
    }

    [Theory]
    [InlineData(What.Name)]
    [InlineData(What.NameOfAnotherArtifact)]
    [InlineData(What.NameOfALargeArtifact)]
    [InlineData(What.Record)]
    [InlineData(What.RecordGone)]
    public async Task RunAsync_WhatIsRecordedIsDamaged_RunsAgain(What what)
    {
        await shared.Runner().RunAsync(Step, Request, context =>
        {
            context.Store(stream => stream.Write(new byte[20 << 20]));
            return Result(1);
        }, new Listener(), default);
        var name = shared.FileOf(StepNames.ResultOf(Key));
        var record = shared.ArtifactOf(Digest.Parse(await File.ReadAllTextAsync(name)));
        switch (what)
        {
            case What.Name:
                await File.WriteAllTextAsync(name, "sha256:nonsense");
                break;
            case What.NameOfAnotherArtifact:
                await File.WriteAllTextAsync(name, Digest.Of("a network"u8).ToString());
                break;
            case What.NameOfALargeArtifact:
                await File.WriteAllTextAsync(name, Digest.Of(new byte[20 << 20]).ToString());
                break;
            case What.Record:
                await File.AppendAllTextAsync(record, "x");
                break;
            default:
                File.Delete(record);
                break;
        }

        var again = await shared.Runner().RunAsync(Step, Request, _ => Result(2), new Listener(), default);
        Assert.Equal((false, 2), (again.Cached, again.Result.SizeBytes));
        Assert.Equal(2, (await shared.Runner().RunAsync(Step, Request, MustNotRun, new Listener(), default)).Result.SizeBytes);
    }

    private static StatArtifactResponse Result(long value) => new() { SizeBytes = value };

    private static StatArtifactResponse MustNotRun(StepContext context) => throw new InvalidOperationException("It must not run.");

    private static StatArtifactResponse FromCheckpoint(StepContext context) => Result(SharedSteps.CheckpointOf(context) ?? 0);
}
