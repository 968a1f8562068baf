using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;
using Fewshot.Gateway.Tenants;
using Microsoft.Extensions.DependencyInjection;

namespace Fewshot.Gateway.Tests;

/// <summary>What tenants may see, and how many bytes their uploads count, over files and over a real Redis.</summary>
public sealed class TenantGrantsTests(RedisProcess redis) : IClassFixture<RedisProcess>
{
    private static readonly Digest One = Digest.Of("1"u8), Two = Digest.Of("2"u8), Three = Digest.Of("3"u8);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AddAsync_Restarted_ShowsThemToThatTenantAlone(bool inRedis)
    {
        await using var rig = await StartedAsync(inRedis);
        await Of(rig).AddAsync("acme", [One, Two]);
        await Of(rig).AddAsync("acme", [Two]);
        await rig.StopAsync();
        await rig.StartAsync();
        var grants = Of(rig);
        Assert.True(await grants.HasAsync("acme", One) && await grants.HasAsync("acme", Two));
        Assert.False(await grants.HasAsync("acme", Three) || await grants.HasAsync("acm", One) || await grants.HasAsync("acme.x", One));
        Assert.Equal(0, await UploadedAsync(rig, "acme"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task StoredAsync_Bytes_CountOnceUpToTheLimit(bool inRedis)
    {
        await using var rig = await StartedAsync(inRedis);
        Assert.Null(await UploadAsync(rig, "acme", One, 600, limit: 1000));
        Assert.Null(await UploadAsync(rig, "acme", One, 600, limit: 1000));
        Assert.Equal(600, await UploadAsync(rig, "acme", Two, 401, limit: 1000));
        Assert.False(await Of(rig).HasAsync("acme", Two));
        Assert.Null(await UploadAsync(rig, "acme", Two, 400, limit: 1000));
        Assert.Null(await UploadAsync(rig, "acme", Three, 5_000_000_000_000, limit: null));
        Assert.Null(await UploadAsync(rig, "other", Two, 400, limit: 1000));
        await rig.StopAsync();
        await rig.StartAsync();
        Assert.Equal((5_000_000_001_000, 400), (await UploadedAsync(rig, "acme"), await UploadedAsync(rig, "other")));
    }

    [Fact]
    public async Task StoredAsync_ManyAtOnce_StayWithinTheLimit()
    {
        await using var rig = await StartedAsync(inRedis: false);
        var refused = await Task.WhenAll(
            Enumerable.Range(0, 20).Select(i => Task.Run(() => UploadAsync(rig, "acme", Digest.Of([(byte)i]), 10, limit: 100))));
        Assert.Equal(10, refused.Count(stored => stored is null));
        Assert.Equal(100, await UploadedAsync(rig, "acme"));
    }

    [Fact]
    public async Task AddAsync_WhatWasUploaded_StaysCountedAndTheOtherWayRound()
    {
        await using var rig = await StartedAsync(inRedis: false);
        await UploadAsync(rig, "acme", One, 7, limit: null);
        await Of(rig).AddAsync("acme", [One, Two]);
        await UploadAsync(rig, "acme", Two, 5, limit: null);
        Assert.Equal(12, await UploadedAsync(rig, "acme"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task RemoveAsync_Gone_AreNobodysAndTheirBytesFree(bool inRedis)
    {
        await using var rig = await StartedAsync(inRedis);
        await UploadAsync(rig, "acme", One, 7, limit: null);
        await UploadAsync(rig, "acme", Three, 1, limit: null);
        await Of(rig).AddAsync("other", [One, Two]);
        await rig.StopAsync();
        await rig.StartAsync();
        var grants = Of(rig);
        await grants.RemoveAsync(new HashSet<Digest> { One, Two });
        Assert.False(await grants.HasAsync("acme", One) || await grants.HasAsync("other", One) || await grants.HasAsync("other", Two));
        Assert.True(await grants.HasAsync("acme", Three));
        Assert.Equal(1, await UploadedAsync(rig, "acme"));
    }

    private static TenantGrants Of(GatewayRig rig) => rig.Services.GetRequiredService<TenantGrants>();

    private static Task<long> UploadedAsync(GatewayRig rig, string tenant) => rig.Services.GetRequiredService<GrainCalls>()
        .AskAsync<ITenantGrain, long>(tenant, grain => grain.UploadedBytesAsync());

    private static Task<long?> UploadAsync(GatewayRig rig, string tenant, Digest digest, long bytes, long? limit) =>
        rig.Services.GetRequiredService<GrainCalls>().AskAsync<ITenantGrain, long?>(
            tenant, grain => grain.StoredAsync(Guid.NewGuid(), digest.ToString(), bytes, limit));

    private async Task<GatewayRig> StartedAsync(bool inRedis)
    {
        await redis.CommandAsync("FLUSHALL");
        return await GatewayRig.StartedAsync(ledger: inRedis ? redis.Address.ToString() : "files");
    }
}
