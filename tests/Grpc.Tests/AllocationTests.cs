using Fewshot.GrpcTests.V1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Fewshot.GrpcTests;

/// <summary>Memory per call, client and server together in this process; other tests must not allocate meanwhile.</summary>
[CollectionDefinition(nameof(AllocationTests), DisableParallelization = true)]
[Collection(nameof(AllocationTests))]
public sealed class AllocationTests
{
    [Fact]
    public async Task Unary_SmallMessage_AllocatesUnderTwentyKilobytes()
    {
        await using var host = await EchoHost.StartAsync();
        var request = new EchoRequest { Text = "hello" };
        await AllocatedAsync(200);
        Assert.InRange(await AllocatedAsync(500) / 500, 1, 20_000);

        async Task<long> AllocatedAsync(int calls)
        {
            var before = GC.GetTotalAllocatedBytes();
            for (var i = 0; i < calls; i++)
                await host.Client.UnaryAsync(request);
            return GC.GetTotalAllocatedBytes() - before;
        }
    }

    [Fact]
    public async Task ServerStream_LargeMessages_AllocateNoThirdCopy()
    {
        const int Size = 1 << 20;
        await using var host = await EchoHost.StartAsync();
        await AllocatedAsync(20);
        // One copy is the handler's new message, one the client's; what the transports' pools drop and make again is the rest.
        Assert.InRange(await AllocatedAsync(50) / 50.0 / Size, 2, 3.5);

        async Task<long> AllocatedAsync(int count)
        {
            var before = GC.GetTotalAllocatedBytes();
            using var call = host.Client.ServerStream(new EchoRequest { Count = count, SizeBytes = Size });
            await foreach (var response in call.ResponseStream.ReadAllAsync())
                Assert.Equal(Size, response.Payload.Length);
            return GC.GetTotalAllocatedBytes() - before;
        }
    }

    [Fact]
    public async Task Gzip_Bomb_IsNotUnpackedBeyondTheReceiveLimit()
    {
        await using var host = await EchoHost.StartAsync(
            o => o.MaxReceiveMessageSize = 1 << 20, new GrpcChannelOptions { MaxReceiveMessageSize = null });
        var bomb = new EchoRequest { Payload = UnsafeByteOperations.UnsafeWrap(new byte[64 << 20]) };
        var before = GC.GetTotalAllocatedBytes();
        var e = await Assert.ThrowsAsync<RpcException>(async () =>
            await host.Client.UnaryAsync(bomb, new Metadata { { "grpc-internal-encoding-request", "gzip" } }));
        Assert.Equal(StatusCode.ResourceExhausted, e.StatusCode);
        Assert.Contains($"{1 << 20} bytes", e.Status.Detail, StringComparison.Ordinal);
        // The client serialises it into a buffer of up to twice its size; a server that unpacked it would at least double the sum.
        Assert.InRange(GC.GetTotalAllocatedBytes() - before, 0, 160L << 20);
    }
}
