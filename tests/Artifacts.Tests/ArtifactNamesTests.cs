using Fewshot.Artifacts.Redis;
using Fewshot.Artifacts.S3;

namespace Fewshot.Artifacts.Tests;

/// <summary>Names beside artifacts, wherever those are.</summary>
public sealed class ArtifactNamesTests(RedisProcess redis, S3rverProcess s3) : IClassFixture<RedisProcess>, IClassFixture<S3rverProcess>, IDisposable
{
    private static readonly Digest One = Digest.Of("one"u8), Two = Digest.Of("two"u8);
    private readonly TemporaryFolder folder = new();
    private readonly List<IDisposable> opened = [];

    public void Dispose()
    {
        opened.ForEach(one => one.Dispose());
        folder.Dispose();
    }

    [Theory]
    [InlineData("files")]
    [InlineData("redis")]
    [InlineData("s3")]
    public async Task SetAsync_ThenListAsync_EveryoneSeesTheNewest(string kind)
    {
        var (names, other) = (Open(kind), Open(kind));
        await names.SetAsync("jobs/job-1", One);
        await names.SetAsync("jobs/job-2", One);
        await names.SetAsync("pins/job-3", One);
        await other.SetAsync("jobs/job-2", Two);
        Assert.Equal([("jobs/job-1", One), ("jobs/job-2", Two)], (await ListAsync(names, "jobs/")).OrderBy(named => named.Name));
        Assert.Equal([("pins/job-3", One)], await ListAsync(other, "pins/"));
        Assert.Empty(await ListAsync(other, "nothing/"));
        // The servers are those of all tests here.
        Assert.Equal(3, (await ListAsync(other, "")).Count(named => !named.Name.StartsWith(StepNames.Results, StringComparison.Ordinal)));
        await other.RemoveAsync("jobs/job-1");
        await other.RemoveAsync("jobs/job-1");
        Assert.Equal([("jobs/job-2", Two)], await ListAsync(names, "jobs/"));
    }

    [Theory]
    [InlineData("files")]
    [InlineData("redis")]
    [InlineData("s3")]
    public async Task FindAsync_Name_IsTheNewestArtifactOrNone(string kind)
    {
        var (names, other) = (Open(kind), Open(kind));
        var name = FreshName();
        Assert.Null(await names.FindAsync(name));
        await other.SetAsync(name, One);
        Assert.Equal(One, await names.FindAsync(name));
        await names.SetAsync(name, Two);
        Assert.Equal(Two, await other.FindAsync(name));
        Assert.Null(await other.FindAsync(name[..^1]));
        await other.RemoveAsync(name);
        Assert.Null(await names.FindAsync(name));
    }

    [Theory]
    [InlineData("files")]
    [InlineData("redis")]
    [InlineData("s3")]
    public async Task SetFirstAsync_NameTaken_TheFirstWriterWinsUntilItIsRemoved(string kind)
    {
        var (names, other) = (Open(kind), Open(kind));
        var name = FreshName();
        Assert.Equal(One, await names.SetFirstAsync(name, One));
        Assert.Equal(One, await other.SetFirstAsync(name, Two));
        Assert.Equal(One, await names.SetFirstAsync(name, One));
        Assert.Equal(One, await other.FindAsync(name));
        await other.RemoveAsync(name, Two);
        Assert.Equal(One, await names.FindAsync(name));
        await other.RemoveAsync(name, One);
        await other.RemoveAsync(name, One);
        Assert.Equal(Two, await other.SetFirstAsync(name, Two));
        Assert.Equal(Two, await names.FindAsync(name));
    }

    [Theory]
    [InlineData("files", false)]
    [InlineData("files", true)]
    [InlineData("redis", false)]
    [InlineData("redis", true)]
    public async Task SetFirstAsync_ManyAtOnce_AllHearTheSameWinner(string kind, bool damaged)
    {
        var names = Enumerable.Range(0, 4).Select(_ => Open(kind)).ToArray();
        for (var round = 0; round < 20; round++)
        {
            var name = FreshName();
            if (damaged)
                await DamageAsync(kind, name);
            var winners = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(
                () => names[i % names.Length].SetFirstAsync(name, Digest.Of([(byte)i, (byte)round])))));
            Assert.Equal(await names[0].FindAsync(name), Assert.Single(winners.Distinct()));
        }
    }

    [Theory]
    [InlineData("files")]
    [InlineData("redis")]
    [InlineData("s3")]
    public async Task EveryMethod_NameIsDamaged_TakesItForFree(string kind)
    {
        var names = Open(kind);
        var name = FreshName();
        await names.SetAsync(name, One);
        await DamageAsync(kind, name);
        Assert.Null(await names.FindAsync(name));
        Assert.DoesNotContain(await ListAsync(names, "steps/"), named => named.Name == name);
        Assert.Equal(Two, await names.SetFirstAsync(name, Two));
        Assert.Equal(Two, await names.FindAsync(name));
    }

    /// <summary>Names that differ are never one file, also where they are long.</summary>
    [Fact]
    public async Task SetAsync_NamesOfSteps_AreKeptApart()
    {
        var names = Open("files");
        var key = StepKey.Of("method", 1, []);
        await names.SetAsync(StepNames.ResultOf(key), One);
        await names.SetAsync(StepNames.CheckpointOf(key), Two);
        Assert.Equal((One, Two), (await names.FindAsync(StepNames.ResultOf(key)), await names.FindAsync(StepNames.CheckpointOf(key))));
        Assert.Equal([(StepNames.ResultOf(key), One)], await ListAsync(names, StepNames.Results));
        Assert.Equal([(StepNames.CheckpointOf(key), Two)], await ListAsync(names, StepNames.Checkpoints));
    }

    [Fact]
    public async Task EveryMethod_RedisGone_ThrowsUnavailableThatNamesTheServer()
    {
        var nobody = RedisAddress.Parse($"redis://127.0.0.1:{ServerProcess.FreePort()}");
        using var gone = new RedisServer(nobody, TimeSpan.FromMilliseconds(200));
        var names = new RedisArtifactNames(gone);
        Func<Task>[] calls = [() => names.FindAsync("a/b"), () => names.SetFirstAsync("a/b", One), () => names.RemoveAsync("a/b", One)];
        foreach (var call in calls)
        {
            var error = await Assert.ThrowsAsync<StoreUnavailableException>(call);
            Assert.Contains(gone.Address.ToString(), error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task SetFirstAsync_DoneInRedisButReportedLost_IsHarmlessWhenRepeated()
    {
        using var proxy = new LossyProxy(redis.Port);
        var names = new RedisArtifactNames(Opened(new RedisServer(RedisAddress.Parse($"redis://127.0.0.1:{proxy.Port}"))));
        var name = FreshName();
        Assert.Null(await names.FindAsync(name));
        proxy.LoseAnswerTo("EVAL");
        Assert.Equal(One, await names.SetFirstAsync(name, One));
        proxy.LoseAnswerTo("EVAL");
        await names.RemoveAsync(name, One);
        Assert.Null(await Open("redis").FindAsync(name));
        Assert.Equal(2, proxy.Cut);
    }

    private static string FreshName() => StepNames.ResultOf(StepKey.Of("method", 1, Guid.NewGuid().ToByteArray()));

    private async Task DamageAsync(string kind, string name)
    {
        switch (kind)
        {
            case "files":
                await File.WriteAllTextAsync(folder[name.Replace('/', '.')], "sha256:nonsense");
                break;
            case "redis":
                await redis.CommandAsync($"HSET {RedisServer.Prefix}names {name} sha256:nonsense");
                break;
            default:
                var files = Directory.GetFiles(s3.Folder, "*" + Path.GetFileName(name) + "*_object", SearchOption.AllDirectories);
                await File.WriteAllTextAsync(Assert.Single(files), "sha256:nonsense");
                break;
        }
    }

    private static async Task<List<(string Name, Digest Digest)>> ListAsync(IArtifactNames names, string prefix)
    {
        var found = new List<(string, Digest)>();
        await foreach (var named in names.ListAsync(prefix))
            found.Add(named);
        return found;
    }

    private IArtifactNames Open(string kind)
    {
        switch (kind)
        {
            case "files":
                return Opened(new FileArtifactNames(folder.Path));
            case "redis":
                return new RedisArtifactNames(Opened(new RedisServer(redis.Address)));
            default:
                return Opened(new S3ArtifactNames(s3.Location));
        }
    }

    private T Opened<T>(T one)
        where T : IDisposable
    {
        opened.Add(one);
        return one;
    }
}
