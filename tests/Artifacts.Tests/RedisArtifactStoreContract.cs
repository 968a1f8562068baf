using Fewshot.Artifacts.Redis;

namespace Fewshot.Artifacts.Tests;

public sealed class RedisArtifactStoreContract : ArtifactStoreContract, IClassFixture<RedisProcess>, IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly RedisServer server;
    private readonly List<LocalCopies> copies = [];

    public RedisArtifactStoreContract(RedisProcess redis) => server = new RedisServer(redis.Address);

    public void Dispose()
    {
        server.Dispose();
        copies.ForEach(copy => copy.Dispose());
        folder.Dispose();
    }

    [Fact]
    public async Task PutAsync_LargerThanTheStoreTakes_ThrowsStoreFullThatNamesTheWayOut()
    {
        var error = await Assert.ThrowsAsync<StoreFullException>(() => Open().PutAsync(new MemoryStream(new byte[RedisArtifactStore.LargestBytes + 1])));
        Assert.Contains("S3", error.Message, StringComparison.Ordinal);
        Assert.Equal(RedisArtifactStore.LargestBytes, (await Open().PutAsync(new MemoryStream(new byte[RedisArtifactStore.LargestBytes]))).SizeBytes);
    }

    protected override IArtifactStore Open()
    {
        copies.Add(new LocalCopies(folder[$"{copies.Count}"], 1 << 30));
        return new RedisArtifactStore(server, copies[^1]);
    }

    protected override async Task DamageAsync(Digest digest, byte[] content)
    {
        var key = RedisServer.Prefix + "artifact:" + digest.Hex;
        foreach (var (i, chunk) in content.Chunk(RedisArtifactStore.ChunkBytes).Index())
            await server.RunAsync(database => database.HashSetAsync(key, i, chunk));
    }
}
