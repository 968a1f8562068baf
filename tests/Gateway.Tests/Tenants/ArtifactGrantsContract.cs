using Fewshot.Artifacts;
using Fewshot.Artifacts.Redis;
using Fewshot.Gateway.Tenants;

namespace Fewshot.Gateway.Tests;

/// <summary>What grants must do, wherever they are kept.</summary>
public abstract class ArtifactGrantsContract
{
    private static readonly Digest One = Digest.Of("1"u8), Two = Digest.Of("2"u8), Three = Digest.Of("3"u8);

    /// <summary>As another gateway would open them.</summary>
    protected abstract IArtifactGrants Open();

    [Fact]
    public async Task AddAsync_AnotherGateway_ShowsThemToThatTenantAlone()
    {
        await Open().AddAsync("acme", [One, Two]);
        await Open().AddAsync("acme", [Two]);
        var grants = Open();
        Assert.True(await grants.HasAsync("acme", One) && await grants.HasAsync("acme", Two));
        Assert.False(await grants.HasAsync("acme", Three) || await grants.HasAsync("acm", One) || await grants.HasAsync("acme.x", One));
        Assert.Equal(0, await grants.UploadedBytesAsync("acme"));
    }

    [Fact]
    public async Task AddUploadAsync_Bytes_CountOnceUpToTheLimit()
    {
        var grants = Open();
        Assert.True(await grants.AddUploadAsync("acme", One, 600, limit: 1000));
        Assert.True(await grants.AddUploadAsync("acme", One, 600, limit: 1000));
        Assert.False(await Open().AddUploadAsync("acme", Two, 401, limit: 1000));
        Assert.False(await grants.HasAsync("acme", Two));
        Assert.True(await grants.AddUploadAsync("acme", Two, 400, limit: 1000));
        Assert.True(await grants.AddUploadAsync("acme", Three, 5_000_000_000_000, limit: null));
        Assert.True(await grants.AddUploadAsync("other", Two, 400, limit: 1000));
        Assert.Equal(5_000_000_001_000, await Open().UploadedBytesAsync("acme"));
        Assert.Equal(400, await Open().UploadedBytesAsync("other"));
    }

    [Fact]
    public async Task AddUploadAsync_ManyAtOnce_StayWithinTheLimit()
    {
        var grants = Open();
        var taken = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Task.Run(() => grants.AddUploadAsync("acme", Digest.Of([(byte)i]), 10, limit: 100))));
        Assert.Equal(10, taken.Count(done => done));
        Assert.Equal(100, await grants.UploadedBytesAsync("acme"));
    }

    [Fact]
    public async Task AddAsync_WhatWasUploaded_StaysCountedAndTheOtherWayRound()
    {
        var grants = Open();
        await grants.AddUploadAsync("acme", One, 7, limit: null);
        await grants.AddAsync("acme", [One, Two]);
        await grants.AddUploadAsync("acme", Two, 5, limit: null);
        Assert.Equal(12, await grants.UploadedBytesAsync("acme"));
    }

    [Fact]
    public async Task RemoveAsync_Gone_AreNobodysAndTheirBytesFree()
    {
        var grants = Open();
        await grants.AddUploadAsync("acme", One, 7, limit: null);
        await grants.AddUploadAsync("acme", Three, 1, limit: null);
        await grants.AddAsync("other", [One, Two]);
        await Open().RemoveAsync(new HashSet<Digest> { One, Two });
        Assert.False(await grants.HasAsync("acme", One) || await grants.HasAsync("other", One) || await grants.HasAsync("other", Two));
        Assert.True(await grants.HasAsync("acme", Three));
        Assert.Equal(1, await grants.UploadedBytesAsync("acme"));
    }
}

public sealed class FileArtifactGrantsContract : ArtifactGrantsContract, IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly List<FileArtifactGrants> opened = [];

    public void Dispose()
    {
        opened.ForEach(one => one.Dispose());
        folder.Dispose();
    }

    protected override IArtifactGrants Open()
    {
        opened.Add(new FileArtifactGrants(folder["grants"]));
        return opened[^1];
    }
}

public sealed class RedisArtifactGrantsContract(RedisProcess redis) : ArtifactGrantsContract, IClassFixture<RedisProcess>, IAsyncLifetime, IDisposable
{
    private readonly List<RedisServer> opened = [];

    public Task InitializeAsync() => redis.CommandAsync("FLUSHALL");

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose() => opened.ForEach(one => one.Dispose());

    protected override IArtifactGrants Open()
    {
        opened.Add(new RedisServer(redis.Address));
        return new RedisArtifactGrants(opened[^1]);
    }
}
