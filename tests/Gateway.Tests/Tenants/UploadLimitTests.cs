using Fewshot.Artifacts;
using Fewshot.Artifacts.V1;
using Grpc.Core;

namespace Fewshot.Gateway.Tests;

public sealed class UploadLimitTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Upload_Silent_EndsByItself(bool headerFirst)
    {
        await using var rig = await GatewayRig.StartedAsync(options => options.UploadIdle = TimeSpan.FromMilliseconds(100));
        using var call = rig.Artifacts.UploadArtifact(deadline: GatewayRig.Deadline);
        if (headerFirst)
            await call.RequestStream.WriteAsync(Header(10));
        var error = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync);
        Assert.Equal(new Status(StatusCode.DeadlineExceeded, "No message came for 0.1 s: send the upload again."), new Status(error.StatusCode, error.Status.Detail));
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

    private static UploadArtifactRequest Header(long size) => new() { Header = new UploadHeader { Digest = Digest.Of("x"u8).ToString(), SizeBytes = size } };
}
