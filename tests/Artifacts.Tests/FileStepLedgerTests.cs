namespace Fewshot.Artifacts.Tests;

public sealed class FileStepLedgerTests : IDisposable
{
    private static readonly StepKey Key = StepKey.Of("method", 1, "request"u8);
    private static readonly Digest One = Digest.Of("one"u8);
    private readonly TemporaryFolder folder = new();
    private readonly FileStepLedger ledger, other;

    public FileStepLedgerTests()
    {
        ledger = new FileStepLedger(folder.Path);
        other = new FileStepLedger(folder.Path);
    }

    public void Dispose()
    {
        ledger.Dispose();
        other.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task TryAcquireAsync_HolderKilled_TakesOverAtOnce()
    {
        using (var worker = OtherProcess.Holding(folder[".live/0badcafe"]))
        {
            await File.WriteAllTextAsync(folder[Key.Hex + ".lease"], """{"Process":"0badcafe","Attempt":"1","Owner":"another"}""");
            Assert.Null(await ledger.TryAcquireAsync(Key, "me"));
            worker.Kill();
        }

        Assert.NotNull(await ledger.TryAcquireAsync(Key, "me"));
    }

    [Fact]
    public async Task TryAcquireAsync_HolderHangs_TakesOverWhenTheLeaseExpires()
    {
        var hanging = await ledger.TryAcquireAsync(Key, "hanging");
        var lease = folder[Key.Hex + ".lease"];
        File.SetLastWriteTimeUtc(lease, DateTime.UtcNow.AddSeconds(-25));
        Assert.Null(await other.TryAcquireAsync(Key, "you"));
        File.SetLastWriteTimeUtc(lease, DateTime.UtcNow.AddSeconds(-31));
        await hanging!.RenewAsync();
        Assert.Null(await other.TryAcquireAsync(Key, "you"));
        File.SetLastWriteTimeUtc(lease, DateTime.UtcNow.AddSeconds(-31));
        var taken = await other.TryAcquireAsync(Key, "you");
        Assert.NotNull(taken);
        await Assert.ThrowsAsync<LeaseLostException>(() => hanging.RenewAsync());
        await Assert.ThrowsAsync<LeaseLostException>(() => ledger.SetCheckpointAsync(hanging, One));
        await hanging.DisposeAsync();
        await taken.RenewAsync();
    }

    [Fact]
    public async Task Checkpoints_NewestWins_AndOutlivesItsWriter()
    {
        using var artifacts = new FileArtifactStore(folder["artifacts"]);
        await using (var lease = await ledger.TryAcquireAsync(Key, "me"))
        {
            var store = new LedgerCheckpointStore(artifacts, ledger, lease!);
            Assert.Null(store.OpenNewest());
            store.Save(s => s.Write("first"u8));
            store.Save(s => s.Write(new byte[10_000_000]));
            Assert.Throws<ArithmeticException>(() => store.Save(s =>
            {
                s.Write(new byte[9_000_000]);
                throw new ArithmeticException("NaN");
            }));
        }

        var next = await other.TryAcquireAsync(Key, "you");
        var resumed = new LedgerCheckpointStore(artifacts, other, next!);
        await using (var newest = resumed.OpenNewest())
            Assert.Equal(10_000_000, newest!.Length);
        await File.WriteAllTextAsync(folder["artifacts/" + Digest.Of(new byte[10_000_000]).Hex], "damaged");
        Assert.Null(resumed.OpenNewest());
        await next!.CompleteAsync(One);
        Assert.Null(await other.FindCheckpointAsync(Key));
        Assert.Empty(Directory.EnumerateFiles(folder["artifacts"], ".tmp-*"));
    }

    [Fact]
    public async Task LedgerCheckpointStore_StoreFails_SaveThrowsItsError()
    {
        var lease = await ledger.TryAcquireAsync(Key, "me");
        var missing = new FileArtifactStore(folder["gone"]);
        Directory.Delete(folder["gone"], recursive: true);
        var store = new LedgerCheckpointStore(missing, ledger, lease!);
        Assert.Throws<DirectoryNotFoundException>(() => store.Save(s => s.Write(new byte[20_000_000])));
        Assert.Throws<DirectoryNotFoundException>(() => store.Save(s => s.Write(new byte[20])));
        Assert.Null(await ledger.FindCheckpointAsync(Key));
    }

    [Fact]
    public void MemoryCheckpointStore_FailedSave_KeepsTheOneBefore()
    {
        var store = new MemoryCheckpointStore();
        Assert.Null(store.OpenNewest());
        store.Save(s => s.Write("kept"u8));
        Assert.Throws<ArithmeticException>(() => store.Save(s =>
        {
            s.WriteByte(1);
            throw new ArithmeticException("NaN");
        }));
        Assert.Equal(4, store.OpenNewest()!.Length);
    }
}
