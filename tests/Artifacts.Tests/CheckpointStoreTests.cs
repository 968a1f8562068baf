using Fewshot.Artifacts.Redis;

namespace Fewshot.Artifacts.Tests;

public sealed class CheckpointStoreTests : IDisposable
{
    private const string Name = "checkpoints/one";
    private readonly TemporaryFolder folder = new();
    private readonly FileArtifactStore artifacts;
    private readonly FileArtifactNames names, others;

    public CheckpointStoreTests()
    {
        artifacts = new FileArtifactStore(folder["artifacts"]);
        (names, others) = (new FileArtifactNames(folder["names"]), new FileArtifactNames(folder["names"]));
    }

    public void Dispose()
    {
        names.Dispose();
        others.Dispose();
        artifacts.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void Save_NewestWins_AndOutlivesItsWriter()
    {
        var store = new NamedCheckpointStore(artifacts, names, Name);
        Assert.Null(store.OpenNewest());
        store.Save(s => s.Write("first"u8));
        store.Save(s => s.Write(new byte[10_000_000]));
        Assert.Throws<ArithmeticException>(() => store.Save(s =>
        {
            s.Write(new byte[9_000_000]);
            throw new ArithmeticException("NaN");
        }));

        var resumed = new NamedCheckpointStore(artifacts, others, Name);
        using (var newest = resumed.OpenNewest())
            Assert.Equal(10_000_000, newest!.Length);
        Assert.Empty(Directory.EnumerateFiles(folder["artifacts"], ".tmp-*"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void OpenNewest_ArtifactDamagedOrGone_StartsFromTheBeginning(bool damaged)
    {
        var store = new NamedCheckpointStore(artifacts, names, Name);
        store.Save(s => s.Write("first"u8));
        var file = folder["artifacts/" + Digest.Of("first"u8).Hex];
        if (damaged)
            File.WriteAllText(file, "damaged");
        else
            File.Delete(file);
        Assert.Null(store.OpenNewest());
        store.Save(s => s.Write("first"u8));
        using var newest = store.OpenNewest();
        Assert.Equal(5, newest!.Length);
    }

    [Fact]
    public async Task Save_StoreFails_ThrowsItsError()
    {
        using var missing = new FileArtifactStore(folder["gone"]);
        Directory.Delete(folder["gone"], recursive: true);
        var store = new NamedCheckpointStore(missing, names, Name);
        Assert.Throws<DirectoryNotFoundException>(() => store.Save(s => s.Write(new byte[20_000_000])));
        Assert.Throws<DirectoryNotFoundException>(() => store.Save(s => s.Write(new byte[20])));
        Assert.Null(await names.FindAsync(Name));
        // Where the store leaves its mark.
        Directory.CreateDirectory(folder["gone/.live"]);
    }

    [Fact]
    public async Task Save_RedisGone_TheWorkGoesOnFromTheOneBefore()
    {
        using var redis = new RedisProcess();
        await redis.InitializeAsync();
        using var server = new RedisServer(redis.Address, TimeSpan.FromSeconds(3));
        var remote = new RedisArtifactNames(server);
        var checkpoints = new NamedCheckpointStore(artifacts, remote, Name);
        checkpoints.Save(stream => stream.WriteByte(1));
        redis.Kill();
        checkpoints.Save(stream => stream.WriteByte(2));
        await redis.InitializeAsync();
        await Poll.UntilAsync(() => remote.FindAsync(Name).ContinueWith(found => found.IsCompletedSuccessfully, TaskScheduler.Default));
        using (var kept = checkpoints.OpenNewest())
            Assert.Equal(1, kept!.ReadByte());
        checkpoints.Save(stream => stream.WriteByte(3));
        using var newest = checkpoints.OpenNewest();
        Assert.Equal(3, newest!.ReadByte());
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
