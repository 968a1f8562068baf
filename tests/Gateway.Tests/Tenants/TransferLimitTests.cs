using Fewshot.Artifacts;
using Fewshot.Artifacts.V1;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Fewshot.Gateway.Tests;

public sealed class TransferLimitTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Upload_Silent_EndsByItself(bool headerFirst)
    {
        await using var rig = await GatewayRig.StartedAsync(options => options.TransferIdle = TimeSpan.FromMilliseconds(100));
        using var call = rig.Artifacts.UploadArtifact(deadline: GatewayRig.Deadline);
        if (headerFirst)
            await call.RequestStream.WriteAsync(Header(10));
        var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync);
        Assert.Equal(new Status(StatusCode.DeadlineExceeded, "Nothing came or went for 0.1 s: start the transfer again."), new Status(error.StatusCode, error.Status.Detail));
    }

    [Fact]
    public async Task Download_NobodyReads_EndsByItselfAndLeavesItsPlace()
    {
        await using var rig = await GatewayRig.StartedAsync(options => (options.TransferIdle, options.MaxTransfers) = (TimeSpan.FromMilliseconds(200), 1));
        var artifacts = rig.Services.GetRequiredService<IArtifactStore>();
        var (digest, small) = ((await artifacts.PutBytesAsync(new byte[40 << 20])).ToString(), (await artifacts.PutBytesAsync("small"u8.ToArray())).ToString());
        using var call = rig.Artifacts.DownloadArtifact(new DownloadArtifactRequest { Digest = digest }, deadline: GatewayRig.Deadline);
        Assert.True(await call.ResponseStream.MoveNext(default));
        // The only place is free again only when the server has given the first one up.
        Assert.Equal("small"u8.ToArray(), await rig.GetAsync(small));
        await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await call.ResponseStream.MoveNext(default))
            {
            }
        });
    }

    [Fact]
    public async Task Transfers_MoreThanPlaces_WaitInTurn()
    {
        await using var rig = await GatewayRig.StartedAsync(options => options.MaxTransfers = 1);
        using var open = rig.Artifacts.UploadArtifact(deadline: GatewayRig.Deadline);
        await open.RequestStream.WriteAsync(new UploadArtifactRequest { Header = new UploadHeader { Digest = Digest.Of("x"u8).ToString(), SizeBytes = 1 } });
        await UnderWayAsync(rig, 1);
        var waiting = rig.PutAsync("another"u8.ToArray());
        await rig.Artifacts.StatArtifactAsync(new StatArtifactRequest { Digest = Digest.Of("x"u8).ToString() });
        Assert.False(waiting.IsCompleted);
        await open.RequestStream.WriteAsync(new UploadArtifactRequest { Chunk = Google.Protobuf.ByteString.CopyFrom("x"u8) });
        await open.RequestStream.CompleteAsync();
        await open;
        await waiting;
    }

    [Fact]
    public async Task Transfers_OfOneTenantTakeAllItsPlaces_AnotherTenantIsServed()
    {
        await using var rig = await TenantRig.StartedAsync(configure: options => options.MaxTransfersPerTenant = 2);
        var open = Enumerable.Range(0, 2).Select(_ => rig.Artifacts.UploadArtifact(deadline: GatewayRig.Deadline)).ToArray();
        foreach (var call in open)
            await call.RequestStream.WriteAsync(Header(10));
        await UnderWayAsync(rig, 2);
        using var waiting = rig.Artifacts.UploadArtifact(deadline: GatewayRig.Deadline);
        await waiting.RequestStream.WriteAsync(Header(1));
        await waiting.RequestStream.WriteAsync(new UploadArtifactRequest { Chunk = Google.Protobuf.ByteString.CopyFrom("x"u8) });
        await waiting.RequestStream.CompleteAsync();
        await rig.AsAsync("b", () => rig.PutAsync("another tenant's"u8.ToArray()));
        Assert.False(waiting.ResponseAsync.IsCompleted);
        foreach (var call in open)
            call.Dispose();
        await waiting;
    }

    [Fact]
    public async Task Upload_SlowerThanTheLeastRate_EndsThoughItIsNeverIdle()
    {
        await using var rig = await GatewayRig.StartedAsync(
            options => (options.TransferIdle, options.MinTransferRate) = (TimeSpan.FromSeconds(2), 1000));
        using var call = rig.Artifacts.UploadArtifact(deadline: GatewayRig.Deadline);
        await call.RequestStream.WriteAsync(Header(1000));
        using var drip = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        var dripping = Task.Run(async () =>
        {
            while (await drip.WaitForNextTickAsync())
                await call.RequestStream.WriteAsync(new UploadArtifactRequest { Chunk = Google.Protobuf.ByteString.CopyFrom("x"u8) });
        });
        var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync);
        Assert.StartsWith("The transfer was slower than 1000 bytes a second (Gateway:MinTransferRate)", error.Status.Detail, StringComparison.Ordinal);
        drip.Dispose();
        await dripping.ContinueWith(_ => { }, TaskScheduler.Default);
    }

    [Fact]
    public async Task Upload_OfAStranger_IsRefusedBeforeItIsSent()
    {
        await using var rig = await TenantRig.StartedAsync();
        rig.Token = "nobody's";
        using var call = rig.Artifacts.UploadArtifact(deadline: GatewayRig.Deadline);
        var sent = 0L;
        try
        {
            await call.RequestStream.WriteAsync(Header(1 << 30));
            var chunk = new UploadArtifactRequest { Chunk = Google.Protobuf.ByteString.CopyFrom(new byte[1 << 20]) };
            for (; sent < 1 << 30; sent += 1 << 20)
                await call.RequestStream.WriteAsync(chunk);
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException or IOException)
        {
            // The server has ended the call.
        }

        Assert.Equal(StatusCode.Unauthenticated, (await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync)).StatusCode);
        Assert.InRange(sent, 0, 64 << 20);
    }

    private static Task UnderWayAsync(GatewayRig rig, int count) =>
        Poll.UntilAsync(() => Task.FromResult(rig.Services.GetRequiredService<Grpc.ArtifactTransfers>().UnderWay == count));

    private static UploadArtifactRequest Header(long size) => new() { Header = new UploadHeader { Digest = Digest.Of("x"u8).ToString(), SizeBytes = size } };
}
