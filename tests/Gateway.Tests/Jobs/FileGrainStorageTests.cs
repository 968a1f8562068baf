using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;
using Fewshot.Gateway.Jobs;
using Orleans;
using Orleans.Storage;

namespace Fewshot.Gateway.Tests;

public sealed class FileGrainStorageTests : IDisposable
{
    private static readonly StoredEvents One = new([new JobEvent(1, DateTimeOffset.UnixEpoch)]);
    private static readonly StoredEvents Two = new([new JobEvent(2, DateTimeOffset.UnixEpoch)]);
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task WriteAsync_AnotherWasQuicker_IsInconsistent()
    {
        using var storage = new FileGrainStorage(folder.Path);
        var records = new GrainRecords(storage);
        var (mine, theirs) = (await records.ReadAsync<StoredEvents>("events", "a"), await records.ReadAsync<StoredEvents>("events", "a"));
        Assert.False(mine.RecordExists);
        mine.State = One;
        await records.WriteAsync("events", "a", mine);
        theirs.State = Two;
        await Assert.ThrowsAsync<InconsistentStateException>(() => records.WriteAsync("events", "a", theirs));
        mine.State = Two;
        await records.WriteAsync("events", "a", mine);
        Assert.Equal(2, (await records.ReadAsync<StoredEvents>("events", "a")).State!.Events.Single().Sequence);
        await records.RemoveAsync("events", "a");
        await records.RemoveAsync("events", "a");
        await Assert.ThrowsAsync<InconsistentStateException>(() => records.WriteAsync("events", "a", mine));
        Assert.False((await records.ReadAsync<StoredEvents>("events", "a")).RecordExists);
    }

    [Fact]
    public async Task Records_OpenedAgain_AreThereAndDamagedOnesAreReplaced()
    {
        using (var storage = new FileGrainStorage(folder.Path))
            await new GrainRecords(storage).OverwriteAsync("events", "a", new GrainState<StoredEvents>(One));
        using var again = new FileGrainStorage(folder.Path);
        var records = new GrainRecords(again);
        Assert.Equal(1, (await records.ReadAsync<StoredEvents>("events", "a")).State!.Events.Single().Sequence);
        await File.WriteAllTextAsync(folder["events_a"], "{");
        await Assert.ThrowsAsync<DataLossException>(() => records.ReadAsync<StoredEvents>("events", "a"));
        await records.OverwriteAsync("events", "a", new GrainState<StoredEvents>(Two));
        Assert.Equal(2, (await records.ReadAsync<StoredEvents>("events", "a")).State!.Events.Single().Sequence);
    }

    [Fact]
    public async Task StateFolder_OfAnotherGateway_IsRefusedWithTheFixAndFound()
    {
        Assert.Null(await StateFolder.FindOwnerAsync(folder.Path, default));
        using (var first = new StateFolder(folder.Path))
        {
            var refused = Assert.Throws<StateFolderTakenException>(() => new StateFolder(folder.Path));
            Assert.Contains("Fewshot:StateFolder is in use by another gateway", refused.Message, StringComparison.Ordinal);
            Assert.Contains("need Redis", refused.Message, StringComparison.Ordinal);
            var found = StateFolder.FindOwnerAsync(folder.Path, default);
            Assert.False(found.IsCompleted);
            first.Announce(new Uri("http://127.0.0.1:7"));
            Assert.Equal(new Uri("http://127.0.0.1:7"), await found);
        }

        Assert.Null(await StateFolder.FindOwnerAsync(folder.Path, default));
        new StateFolder(folder.Path).Dispose();
    }
}
