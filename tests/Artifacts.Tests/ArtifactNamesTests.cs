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
        Assert.Equal(3, (await ListAsync(other, "")).Count);
        await other.RemoveAsync("jobs/job-1");
        await other.RemoveAsync("jobs/job-1");
        Assert.Equal([("jobs/job-2", Two)], await ListAsync(names, "jobs/"));
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
