using System.Diagnostics;

namespace Fewshot.Artifacts.Tests;

/// <summary>What every ledger must do, whatever it is kept in.</summary>
public abstract class StepLedgerContract
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1), Short = TimeSpan.FromMilliseconds(300);
    private static readonly Digest One = Digest.Of("one"u8), Two = Digest.Of("two"u8);
    private readonly StepKey key = StepKey.Of("method", 1, Guid.NewGuid().ToByteArray());

    /// <summary>The ledger as another process would open it.</summary>
    protected abstract IStepLedger Open(TimeSpan leaseDuration);

    [Fact]
    public async Task CompleteAsync_ThenFindResult_EveryoneSeesIt()
    {
        var ledger = Open(Long);
        Assert.Null(await ledger.FindResultAsync(key));
        var lease = await ledger.TryAcquireAsync(key, "me");
        Assert.Equal(key, lease!.Key);
        Assert.Equal(One, await lease.CompleteAsync(One));
        await lease.DisposeAsync();
        Assert.Equal(One, await ledger.FindResultAsync(key));
        Assert.Equal(One, await Open(Long).FindResultAsync(key));
        Assert.Null(await Open(Long).TryAcquireAsync(key, "you"));
    }

    [Fact]
    public async Task TryAcquireAsync_HeldElsewhere_GivesNullUntilItIsGivenBack()
    {
        var (ledger, other) = (Open(Long), Open(Long));
        var lease = await ledger.TryAcquireAsync(key, "me");
        Assert.Null(await other.TryAcquireAsync(key, "you"));
        Assert.Null(await ledger.TryAcquireAsync(key, "me again"));
        await lease!.DisposeAsync();
        await using var next = await other.TryAcquireAsync(key, "you");
        Assert.NotNull(next);
        Assert.Null(await ledger.FindResultAsync(key));
    }

    [Fact]
    public async Task TryAcquireAsync_ManyContenders_OneAtATimeAndEachInTurn()
    {
        var (inside, most, turns) = (0, 0, 0);
        var ledgers = Enumerable.Range(0, 4).Select(_ => Open(Long)).ToArray();
        await Task.WhenAll(Enumerable.Range(0, 24).Select(i => Task.Run(async () =>
        {
            await using var lease = await Poll.ForAsync(() => ledgers[i % 4].TryAcquireAsync(key, "worker " + i));
            most = Math.Max(most, Interlocked.Increment(ref inside));
            await lease.RenewAsync();
            Interlocked.Increment(ref turns);
            Interlocked.Decrement(ref inside);
        })));
        Assert.Equal((1, 24), (most, turns));
    }

    [Fact]
    public async Task Lease_PausedHolderWhoseLeasePassedToAnother_EveryWriteIsRefused()
    {
        var (ledger, other) = (Open(Short), Open(Short));
        var paused = await ledger.TryAcquireAsync(key, "paused");
        await ledger.SetCheckpointAsync(paused!, One);
        var taken = await Poll.ForAsync(() => other.TryAcquireAsync(key, "you"));
        await Assert.ThrowsAsync<LeaseLostException>(() => paused!.RenewAsync());
        await Assert.ThrowsAsync<LeaseLostException>(() => ledger.SetCheckpointAsync(paused!, Two));
        await Assert.ThrowsAsync<LeaseLostException>(() => paused!.CompleteAsync(Two));
        await paused!.DisposeAsync();
        Assert.Equal(One, await ledger.FindCheckpointAsync(key));
        Assert.Null(await ledger.FindResultAsync(key));
        await taken.RenewAsync();
        Assert.Equal(One, await taken.CompleteAsync(One));
        Assert.Equal(One, await paused.CompleteAsync(Two));
        Assert.Equal(One, await other.FindResultAsync(key));
    }

    [Fact]
    public async Task Lease_PausedHolderWhoseSuccessorGaveUp_EveryWriteIsRefused()
    {
        var (ledger, other) = (Open(Short), Open(Short));
        var paused = await ledger.TryAcquireAsync(key, "paused");
        await (await Poll.ForAsync(() => other.TryAcquireAsync(key, "you"))).DisposeAsync();
        await Assert.ThrowsAsync<LeaseLostException>(() => paused!.RenewAsync());
        await Assert.ThrowsAsync<LeaseLostException>(() => paused!.CompleteAsync(Two));
        Assert.Null(await ledger.FindResultAsync(key));
        Assert.NotNull(await ledger.TryAcquireAsync(key, "again"));
    }

    [Fact]
    public async Task RenewAsync_InTime_KeepsTheLease()
    {
        var duration = TimeSpan.FromMilliseconds(1000);
        var (ledger, other) = (Open(duration), Open(duration));
        var lease = await ledger.TryAcquireAsync(key, "me");
        var held = Stopwatch.StartNew();
        var last = TimeSpan.Zero;
        await Poll.UntilAsync(async () =>
        {
            await lease!.RenewAsync();
            var taken = await other.TryAcquireAsync(key, "you");
            // A machine that stood still for a whole lease has lost it rightly.
            Assert.True(taken is null || held.Elapsed - last > duration / 2, "The lease was taken from a holder that renewed it.");
            last = held.Elapsed;
            return held.Elapsed > 1.5 * duration;
        });
    }

    [Fact]
    public async Task ForgetResultAsync_OnlyTheLostOne_IsForgotten()
    {
        var (ledger, other) = (Open(Long), Open(Long));
        await (await ledger.TryAcquireAsync(key, "me"))!.CompleteAsync(One);
        await ledger.ForgetResultAsync(key, Two);
        Assert.Equal(One, await ledger.FindResultAsync(key));
        await ledger.ForgetResultAsync(key, One);
        await ledger.ForgetResultAsync(key, One);
        Assert.Null(await ledger.FindResultAsync(key));
        Assert.Equal(Two, await (await other.TryAcquireAsync(key, "you"))!.CompleteAsync(Two));
    }

    [Fact]
    public async Task SetCheckpointAsync_NewestWins_OutlivesItsWriterAndEndsWithTheResult()
    {
        var (ledger, other) = (Open(Long), Open(Long));
        Assert.Null(await ledger.FindCheckpointAsync(key));
        await using (var lease = await ledger.TryAcquireAsync(key, "me"))
        {
            await ledger.SetCheckpointAsync(lease!, One);
            await ledger.SetCheckpointAsync(lease!, Two);
        }

        Assert.Equal(Two, await other.FindCheckpointAsync(key));
        await (await other.TryAcquireAsync(key, "you"))!.CompleteAsync(One);
        Assert.Null(await ledger.FindCheckpointAsync(key));
    }
}
