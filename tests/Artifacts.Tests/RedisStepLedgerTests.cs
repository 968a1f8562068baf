using System.Diagnostics;
using Fewshot.Artifacts.Redis;

namespace Fewshot.Artifacts.Tests;

/// <summary>What can happen to a ledger only when a server keeps it.</summary>
public sealed class RedisStepLedgerTests : IAsyncLifetime, IDisposable
{
    private static readonly TimeSpan Lease = TimeSpan.FromMilliseconds(700);
    private static readonly Digest One = Digest.Of("one"u8), Two = Digest.Of("two"u8);
    private static readonly StepKey Key = StepKey.Of("method", 1, "request"u8), Done = StepKey.Of("method", 1, "done"u8);
    private readonly RedisProcess redis = new();
    private RedisServer server = null!, another = null!;
    private RedisStepLedger ledger = null!, other = null!;

    public async Task InitializeAsync()
    {
        await redis.InitializeAsync();
        (server, another) = (new RedisServer(redis.Address), new RedisServer(redis.Address));
        (ledger, other) = (new RedisStepLedger(server, Lease), new RedisStepLedger(another, Lease));
    }

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose()
    {
        server.Dispose();
        another.Dispose();
        redis.Dispose();
    }

    [Fact]
    public async Task Redis_KilledAndRestarted_KeepsResultsAndLeasesLastOneLeaseMore()
    {
        await (await ledger.TryAcquireAsync(Done, "me"))!.CompleteAsync(One);
        var lease = await ledger.TryAcquireAsync(Key, "me");
        var acquired = Stopwatch.StartNew();
        redis.Kill();
        var found = other.FindResultAsync(Done);
        var renewed = lease!.RenewAsync();
        await Poll.UntilAsync(() => Task.FromResult(acquired.Elapsed > Lease));
        Assert.False(found.IsCompleted || renewed.IsCompleted);
        await redis.InitializeAsync();
        Assert.Null(await other.TryAcquireAsync(Key, "you"));
        Assert.Equal(One, await found);
        await renewed;
        await ledger.SetCheckpointAsync(lease, Two);
        Assert.Equal(One, await lease.CompleteAsync(One));
    }

    [Fact]
    public async Task Redis_RestartedAfterTheHolderDied_PassesTheLeaseOnAfterOneLease()
    {
        Assert.NotNull(await ledger.TryAcquireAsync(Key, "me"));
        redis.Kill();
        await redis.InitializeAsync();
        Assert.Null(await other.TryAcquireAsync(Key, "you"));
        var waited = Stopwatch.StartNew();
        Assert.NotNull(await Poll.ForAsync(() => other.TryAcquireAsync(Key, "you")));
        Assert.True(waited.Elapsed > Lease / 2);
    }

    [Fact]
    public async Task Redis_Gone_ThrowsUnavailableThatNamesTheServerAfterItsPatience()
    {
        using var impatient = new RedisServer(redis.Address with { Password = null }, TimeSpan.FromMilliseconds(300));
        redis.Kill();
        var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => new RedisStepLedger(impatient).FindResultAsync(Key));
        Assert.Contains(redis.Address.ToString(), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redis_NotUpYet_IsWaitedFor()
    {
        redis.Kill();
        using var early = new RedisServer(redis.Address);
        var found = new RedisStepLedger(early).FindResultAsync(Key);
        await Assert.ThrowsAsync<TimeoutException>(() => found.WaitAsync(TimeSpan.FromMilliseconds(200)));
        await redis.InitializeAsync();
        Assert.Null(await found);
    }

    [Fact]
    public async Task Redis_Frozen_ThrowsUnavailableAndGoesOnWhenItThaws()
    {
        using var impatient = new RedisServer(redis.Address, TimeSpan.FromSeconds(2));
        var hasty = new RedisStepLedger(impatient, Lease);
        var lease = await hasty.TryAcquireAsync(Key, "me");
        redis.Pause();
        await Assert.ThrowsAsync<StoreUnavailableException>(() => lease!.CompleteAsync(One));
        redis.Resume();
        // The first call has been done all the same.
        Assert.Equal(One, await lease!.CompleteAsync(Two));
    }

    [Fact]
    public async Task LedgerCheckpointStore_RedisGone_TheWorkGoesOnFromTheOneBefore()
    {
        using var folder = new TemporaryFolder();
        using var artifacts = new FileArtifactStore(folder.Path);
        using var impatient = new RedisServer(redis.Address, TimeSpan.FromSeconds(3));
        var hasty = new RedisStepLedger(impatient, TimeSpan.FromMinutes(1));
        var checkpoints = new LedgerCheckpointStore(artifacts, hasty, (await hasty.TryAcquireAsync(Key, "me"))!);
        checkpoints.Save(stream => stream.WriteByte(1));
        redis.Kill();
        checkpoints.Save(stream => stream.WriteByte(2));
        await redis.InitializeAsync();
        await Poll.UntilAsync(async () => await hasty.FindCheckpointAsync(Key).ContinueWith(found => found.IsCompletedSuccessfully, TaskScheduler.Default));
        using (var kept = checkpoints.OpenNewest())
            Assert.Equal(1, kept!.ReadByte());
        checkpoints.Save(stream => stream.WriteByte(3));
        using var newest = checkpoints.OpenNewest();
        Assert.Equal(3, newest!.ReadByte());
    }

    [Fact]
    public async Task Everything_DoneButReportedLost_IsHarmlessWhenRepeated()
    {
        using var proxy = new LossyProxy(redis.Port);
        using var through = new RedisServer(RedisAddress.Parse($"redis://127.0.0.1:{proxy.Port}"));
        var lossy = new RedisStepLedger(through, TimeSpan.FromMinutes(1));
        Assert.Null(await lossy.FindResultAsync(Key));
        proxy.LoseAnswerTo("EVAL");
        var lease = await lossy.TryAcquireAsync(Key, "me");
        Assert.NotNull(lease);
        Assert.Null(await other.TryAcquireAsync(Key, "you"));
        proxy.LoseAnswerTo("EVAL");
        await lossy.SetCheckpointAsync(lease, Two);
        proxy.LoseAnswerTo("EVAL");
        await lease.RenewAsync();
        proxy.LoseAnswerTo("EVAL");
        Assert.Equal(One, await lease.CompleteAsync(One));
        proxy.LoseAnswerTo("EVAL");
        await lossy.ForgetResultAsync(Key, One);
        Assert.Null(await other.FindResultAsync(Key));
        Assert.Equal(5, proxy.Cut);
    }

    [Fact]
    public async Task Redis_Emptied_HolderGoesOnUnlessAnotherWasFaster()
    {
        var (lease, slow) = (await ledger.TryAcquireAsync(Key, "me"), await ledger.TryAcquireAsync(Done, "me"));
        Assert.Equal("+OK", await redis.CommandAsync("FLUSHALL"));
        await lease!.RenewAsync();
        Assert.Null(await other.TryAcquireAsync(Key, "you"));
        Assert.Equal(One, await lease.CompleteAsync(One));
        // The epoch is rolled back to that of the older lease: the attempt id tells them apart.
        Assert.NotNull(await other.TryAcquireAsync(Done, "you"));
        await Assert.ThrowsAsync<LeaseLostException>(() => slow!.CompleteAsync(Two));
    }

    [Theory]
    [InlineData("redis://cache", "cache", 6379, 0, false, null, null)]
    [InlineData("redis://:p%40ss@cache:7000/3", "cache", 7000, 3, false, null, "p@ss")]
    [InlineData("rediss://few%3Ashot:x@10.0.0.1", "10.0.0.1", 6379, 0, true, "few:shot", "x")]
    [InlineData("redis://fewshot@cache", "cache", 6379, 0, false, "fewshot", null)]
    public void Parse_Address_IsRead(string text, string host, int port, int database, bool tls, string? user, string? password)
    {
        Assert.Equal(new RedisAddress(host, port, database, tls) { User = user, Password = password }, RedisAddress.Parse(text));
        Assert.DoesNotContain("@", RedisAddress.Parse(text).ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("redis://a,b:7000,10.0.0.1/2?sentinel=jobs", "redis://a:26379,b:7000,10.0.0.1:26379/2?sentinel=jobs", null, null)]
    [InlineData("rediss://ada:p%40ss%2C@a,b?sentinel=my%20jobs", "rediss://a:26379,b:26379/0?sentinel=my%20jobs", "ada", "p@ss,")]
    [InlineData("redis://a?sentinel=jobs", "redis://a:26379/0?sentinel=jobs", null, null)]
    public void Parse_Sentinels_AreRead(string text, string read, string? user, string? password)
    {
        var address = RedisAddress.Parse(text);
        Assert.Equal((read, user, password), (address.ToString(), address.User, address.Password));
        Assert.Equal(address, RedisAddress.Parse(text));
    }

    [Theory]
    [InlineData("redis://a,b/0")]
    [InlineData("redis://a:1,b:2/0")]
    [InlineData("redis://a,b/0?sentinel=")]
    [InlineData("redis://a,,b/0?sentinel=jobs")]
    [InlineData("redis://:secret@a,b/jobs?sentinel=jobs")]
    [InlineData("?sentinel=jobs")]
    [InlineData("redis:?sentinel=jobs")]
    [InlineData("redis://?sentinel=jobs")]
    [InlineData("cache:6379")]
    [InlineData("http://cache")]
    [InlineData("redis://")]
    [InlineData("redis://cache/jobs")]
    [InlineData("redis://cache/0?ssl=true")]
    [InlineData("redis://admin:secret@cache/jobs")]
    public void Parse_NoAddress_SaysWhatWouldBeOne(string text) =>
        Assert.DoesNotContain("secret", Assert.Throws<FormatException>(() => RedisAddress.Parse(text)).Message, StringComparison.Ordinal);
}
