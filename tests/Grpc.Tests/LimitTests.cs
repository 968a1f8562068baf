using System.IO.Compression;
using Fewshot.GrpcTests.V1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Fewshot.GrpcTests;

/// <summary>Message size limits, compression, and back-pressure.</summary>
public sealed class LimitTests
{
    private static readonly Metadata Gzip = new() { { "grpc-internal-encoding-request", "gzip" } };

    [Fact]
    public async Task Receive_LargerThanTheServerTakes_ResourceExhausted()
    {
        await using var host = await EchoHost.StartAsync(o => o.MaxReceiveMessageSize = 1000);
        Assert.Equal(900, (await host.Client.UnaryAsync(Bytes(900))).Payload.Length);
        await AssertExhaustedAsync(async () => await host.Client.UnaryAsync(Bytes(1000)));
        using var call = host.Client.ClientStream();
        await EchoHost.WriteThoughItMayEndAsync(call.RequestStream, Bytes(2000));
        await AssertExhaustedAsync(async () => await call);
    }

    [Fact]
    public async Task Receive_LargerThanTheClientTakes_ResourceExhausted()
    {
        await using var host = await EchoHost.StartAsync(channel: new GrpcChannelOptions { MaxReceiveMessageSize = 1000 });
        await AssertExhaustedAsync(async () => await host.Client.UnaryAsync(new EchoRequest { SizeBytes = 1000 }));
        using var call = host.Client.ServerStream(new EchoRequest { SizeBytes = 2000, Count = 1000 });
        await AssertExhaustedAsync(() => call.ResponseStream.MoveNext());
        await host.Probe.Cancelled.Task.WaitAsync(EchoHost.Patience);
    }

    [Fact]
    public async Task Receive_DefaultLimit_IsFourMebibytesBothWays()
    {
        await using var host = await EchoHost.StartAsync();
        await AssertExhaustedAsync(async () => await host.Client.UnaryAsync(Bytes(4 << 20)));
        await AssertExhaustedAsync(async () => await host.Client.UnaryAsync(new EchoRequest { SizeBytes = 4 << 20 }));
    }

    [Fact]
    public async Task Receive_WithoutLimit_TakesMore()
    {
        await using var host = await EchoHost.StartAsync(o => o.MaxReceiveMessageSize = null, new GrpcChannelOptions { MaxReceiveMessageSize = null });
        Assert.Equal(40 << 20, (await host.Client.UnaryAsync(Bytes(40 << 20))).Payload.Length);
    }

    [Fact]
    public async Task Send_LargerThanAllowed_ResourceExhaustedOnEitherSide()
    {
        await using var host = await EchoHost.StartAsync(o => o.MaxSendMessageSize = 1000, new GrpcChannelOptions { MaxSendMessageSize = 500 });
        await AssertExhaustedAsync(async () => await host.Client.UnaryAsync(Bytes(600)));
        Assert.False(host.Probe.Called.Task.IsCompleted);
        await AssertExhaustedAsync(async () => await host.Client.UnaryAsync(new EchoRequest { SizeBytes = 1000 }));
        using var call = host.Client.ClientStream();
        await AssertExhaustedAsync(() => call.RequestStream.WriteAsync(Bytes(600)));
        await AssertExhaustedAsync(async () => await call);
    }

    [Theory]
    [InlineData(CompressionLevel.Fastest)]
    [InlineData(CompressionLevel.SmallestSize)]
    public async Task Gzip_BothWays_ComesBack(CompressionLevel level)
    {
        await using var host = await EchoHost.StartAsync(o =>
        {
            o.ResponseCompressionAlgorithm = "gzip";
            o.ResponseCompressionLevel = level;
        });
        using var unary = host.Client.UnaryAsync(Bytes(100_000), Gzip);
        Assert.Equal(Bytes(100_000).Payload, (await unary).Payload);
        using var call = host.Client.Duplex(Gzip);
        for (var i = 0; i < 3; i++)
        {
            await call.RequestStream.WriteAsync(Bytes(i * 1000));
            Assert.True(await call.ResponseStream.MoveNext());
            Assert.Equal(Bytes(i * 1000).Payload, call.ResponseStream.Current.Payload);
        }

        call.RequestStream.WriteOptions = new WriteOptions(WriteFlags.NoCompress);
        await call.RequestStream.WriteAsync(Bytes(10));
        await call.RequestStream.CompleteAsync();
        Assert.True(await call.ResponseStream.MoveNext());
        Assert.False(await call.ResponseStream.MoveNext());
    }

    [Fact]
    public async Task Gzip_Bomb_StopsAtTheReceiveLimit()
    {
        await using var host = await EchoHost.StartAsync(o => o.MaxReceiveMessageSize = 10_000);
        var e = await AssertExhaustedAsync(async () => await host.Client.UnaryAsync(new EchoRequest { Payload = ByteString.CopyFrom(new byte[1 << 20]) }, Gzip));
        Assert.Contains("10000", e.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Gzip_BombFromTheServer_StopsAtTheReceiveLimit()
    {
        await using var host = await EchoHost.StartAsync(
            o => o.ResponseCompressionAlgorithm = "gzip", new GrpcChannelOptions { MaxReceiveMessageSize = 10_000 });
        await AssertExhaustedAsync(async () => await host.Client.UnaryAsync(new EchoRequest { SizeBytes = 1 << 20 }));
    }

    [Fact]
    public async Task BackPressure_SlowClient_HoldsTheServer()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.ServerStream(new EchoRequest { Count = 400, SizeBytes = 256 << 10 });
        Assert.True(await call.ResponseStream.MoveNext());
        var held = await SettleAsync(() => host.Probe.Written);
        Assert.InRange(held, 1, 200);
        var read = 1;
        while (await call.ResponseStream.MoveNext())
            read++;
        Assert.Equal(400, read);
    }

    [Fact]
    public async Task BackPressure_ServerThatDoesNotRead_HoldsTheClient()
    {
        await using var host = await EchoHost.StartAsync();
        using var call = host.Client.Duplex();
        await call.RequestStream.WriteAsync(new EchoRequest { Count = 100_000, SizeBytes = 64 << 10 });
        var written = 0;
        var flood = Task.Run(async () =>
        {
            for (; written < 400; written++)
                await call.RequestStream.WriteAsync(Bytes(256 << 10));
        });
        Assert.InRange(await SettleAsync(() => Volatile.Read(ref written)), 0, 200);
        call.Dispose();
        await Assert.ThrowsAsync<RpcException>(() => flood);
    }

    private static EchoRequest Bytes(int count)
    {
        var bytes = new byte[count];
        for (var i = 0; i < count; i++)
            bytes[i] = (byte)(i * 7);
        return new EchoRequest { Payload = UnsafeByteOperations.UnsafeWrap(bytes) };
    }

    private static async Task<RpcException> AssertExhaustedAsync(Func<Task> call)
    {
        var e = await Assert.ThrowsAsync<RpcException>(call);
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
        return e;
    }

    /// <summary>The value once it has stayed the same for ten looks in a row.</summary>
    private static async Task<int> SettleAsync(Func<int> value)
    {
        var (last, same) = (-1, 0);
        using var tick = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (same < 10 && await tick.WaitForNextTickAsync())
            (last, same) = value() is var now && now == last ? (last, same + 1) : (now, 0);
        return last;
    }
}
