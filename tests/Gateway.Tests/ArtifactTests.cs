using Fewshot.Artifacts;
using Fewshot.Artifacts.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Fewshot.Gateway.Tests;

public sealed class ArtifactTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(1 << 19)]
    [InlineData((3 << 20) + 17)]
    public async Task Artifact_UploadedAndDownloaded_IsTheSame(int size)
    {
        await using var rig = await GatewayRig.StartedAsync();
        var content = Bytes(size);
        var digest = await rig.PutAsync(content);
        Assert.Equal(Digest.Of(content).ToString(), digest);
        Assert.Equal(content, await rig.GetAsync(digest));
        var stat = await rig.Artifacts.StatArtifactAsync(new StatArtifactRequest { Digest = digest }, deadline: GatewayRig.Deadline);
        Assert.Equal((true, (long)size), (stat.Exists, stat.SizeBytes));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(512 << 10)]
    [InlineData((512 << 10) + 1)]
    [InlineData(1_500_000)]
    public async Task Download_FromAnOffset_GivesTheRest(int offset)
    {
        await using var rig = await GatewayRig.StartedAsync();
        var content = Bytes(1_500_000);
        Assert.Equal(content[offset..], await rig.GetAsync(await rig.PutAsync(content), offset));
    }

    [Fact]
    public async Task Download_FirstMessage_CarriesTheTotal()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var digest = await rig.PutAsync(Bytes(1_200_000));
        foreach (var offset in new long[] { 0, 700_000, 1_200_000 })
        {
            using var call = rig.Artifacts.DownloadArtifact(new DownloadArtifactRequest { Digest = digest, Offset = offset }, deadline: GatewayRig.Deadline);
            Assert.True(await call.ResponseStream.MoveNext());
            Assert.Equal(1_200_000, call.ResponseStream.Current.TotalBytes);
        }
    }

    [Fact]
    public async Task Upload_Again_SaysThatItExisted()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var content = Bytes(100);
        Assert.False((await UploadAsync(rig, content, content.Length, Digest.Of(content).ToString(), 64)).Existed);
        Assert.True((await UploadAsync(rig, content, content.Length, Digest.Of(content).ToString(), 64)).Existed);
    }

    [Theory]
    [InlineData(100, 101, 64, "header.size_bytes: 101 bytes were announced, 100 came")]
    [InlineData(100, 99, 64, "header.size_bytes: 99 bytes were announced, more came")]
    [InlineData(100, -1, 64, "header.size_bytes: must not be negative")]
    [InlineData((1 << 20) + 1, (1 << 20) + 1, (1 << 20) + 1, "chunk: holds 1048577 bytes; at most 1048576")]
    public async Task Upload_WrongShape_IsRefusedAndNothingIsStored(int size, int announced, int chunk, string message)
    {
        await using var rig = await GatewayRig.StartedAsync();
        var content = Bytes(size);
        var digest = Digest.Of(content).ToString();
        var error = await Assert.ThrowsAsync<RpcException>(() => UploadAsync(rig, content, announced, digest, chunk));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Contains(message, error.Status.Detail, StringComparison.Ordinal);
        Assert.False((await rig.Artifacts.StatArtifactAsync(new StatArtifactRequest { Digest = digest }, deadline: GatewayRig.Deadline)).Exists);
    }

    [Fact]
    public async Task Upload_OtherContentThanAnnounced_IsRefused()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var error = await Assert.ThrowsAsync<RpcException>(() => UploadAsync(rig, Bytes(100), 100, Digest.Of("other"u8).ToString(), 64));
        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(rig.Folder, "artifacts")));
    }

    [Fact]
    public async Task Upload_OverTheLimit_IsRefused()
    {
        await using var rig = await GatewayRig.StartedAsync(options => options.MaxArtifactBytes = 50);
        var content = Bytes(51);
        var error = await Assert.ThrowsAsync<RpcException>(() => UploadAsync(rig, content, 51, Digest.Of(content).ToString(), 64));
        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
    }

    [Fact]
    public async Task Upload_WithoutHeader_IsRefused()
    {
        await using var rig = await GatewayRig.StartedAsync();
        using var call = rig.Artifacts.UploadArtifact(deadline: GatewayRig.Deadline);
        await call.RequestStream.WriteAsync(new UploadArtifactRequest { Chunk = ByteString.CopyFromUtf8("x") });
        await call.RequestStream.CompleteAsync();
        Assert.Equal("part: the first message must carry the header.", (await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync)).Status.Detail);
    }

    [Fact]
    public async Task Download_Damaged_DataLossAndAnUploadHeals()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var content = Bytes(5000);
        var digest = await rig.PutAsync(content);
        var file = Path.Combine(rig.Folder, "artifacts", Digest.Parse(digest).Hex);
        var damaged = content.ToArray();
        damaged[1234] ^= 1;
        await File.WriteAllBytesAsync(file, damaged);
        Assert.Equal(StatusCode.DataLoss, (await Assert.ThrowsAsync<RpcException>(() => rig.GetAsync(digest))).StatusCode);
        await rig.PutAsync(content);
        Assert.Equal(content, await rig.GetAsync(digest));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(101)]
    public async Task Download_OffsetBeyond_IsRefused(long offset)
    {
        await using var rig = await GatewayRig.StartedAsync();
        var digest = await rig.PutAsync(Bytes(100));
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(() => rig.GetAsync(digest, offset))).StatusCode);
    }

    [Fact]
    public async Task Download_Unknown_NotFoundAndStatSaysNo()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var digest = "sha256:" + new string('0', 64);
        Assert.Equal(StatusCode.NotFound, (await Assert.ThrowsAsync<RpcException>(() => rig.GetAsync(digest))).StatusCode);
        Assert.False((await rig.Artifacts.StatArtifactAsync(new StatArtifactRequest { Digest = digest }, deadline: GatewayRig.Deadline)).Exists);
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(() => rig.GetAsync("../../etc/passwd"))).StatusCode);
    }

    private static byte[] Bytes(int size)
    {
        var bytes = new byte[size];
        new Random(size).NextBytes(bytes);
        return bytes;
    }

    private static async Task<UploadArtifactResponse> UploadAsync(GatewayRig rig, byte[] content, long announced, string digest, int chunk)
    {
        using var call = rig.Artifacts.UploadArtifact(deadline: GatewayRig.Deadline);
        await call.RequestStream.WriteAsync(new UploadArtifactRequest { Header = new UploadHeader { Digest = digest, SizeBytes = announced } });
        try
        {
            foreach (var part in content.Chunk(chunk))
                await call.RequestStream.WriteAsync(new UploadArtifactRequest { Chunk = ByteString.CopyFrom(part) });
            await call.RequestStream.CompleteAsync();
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException)
        {
            // The gateway has refused before everything was sent; the answer says why.
        }

        return await call.ResponseAsync;
    }
}
