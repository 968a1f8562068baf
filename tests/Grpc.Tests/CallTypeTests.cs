using Fewshot.GrpcTests.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Fewshot.GrpcTests;

public sealed class CallTypeTests : IAsyncLifetime
{
    private EchoHost _host = null!;

    public async Task InitializeAsync() => _host = await EchoHost.StartAsync();

    public async Task DisposeAsync()
    {
        Assert.Empty(_host.Errors.Entries);
        await _host.DisposeAsync();
    }

    [Fact]
    public async Task Unary_Request_ComesBack()
    {
        using var call = _host.Client.UnaryAsync(new EchoRequest { Text = "zürich", Payload = ByteString.CopyFrom(1, 2, 3) });
        var response = await call;
        Assert.Equal("zürich", response.Text);
        Assert.Equal([1, 2, 3], response.Payload.ToByteArray());
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
        Assert.Empty(call.GetTrailers());
    }

    [Fact]
    public void Unary_Blocking_ComesBack() => Assert.Equal("a", _host.Client.Unary(new EchoRequest { Text = "a" }).Text);

    [Fact]
    public async Task Unary_EmptyMessages_ComeBack() => Assert.Equal(new EchoResponse(), await _host.Client.UnaryAsync(new EchoRequest()));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(300)]
    public async Task ServerStream_Count_ComesInOrder(int count)
    {
        using var call = _host.Client.ServerStream(new EchoRequest { Count = count, SizeBytes = 1000 });
        var indices = new List<int>();
        await foreach (var response in call.ResponseStream.ReadAllAsync())
            indices.Add(response.Index);
        Assert.Equal(Enumerable.Range(0, count), indices);
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
        Assert.False(await call.ResponseStream.MoveNext());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    public async Task ClientStream_Messages_AreAllRead(int count)
    {
        using var call = _host.Client.ClientStream();
        for (var i = 0; i < count; i++)
            await call.RequestStream.WriteAsync(new EchoRequest { Text = $"{i}" });
        await call.RequestStream.CompleteAsync();
        var response = await call;
        Assert.Equal(count, response.Index);
        Assert.Equal(string.Concat(Enumerable.Range(0, count)), response.Text);
    }

    [Fact]
    public async Task Duplex_PingPong_EachAnswerFollowsItsRequest()
    {
        using var call = _host.Client.Duplex();
        for (var i = 0; i < 20; i++)
        {
            await call.RequestStream.WriteAsync(new EchoRequest { Text = $"{i}" });
            Assert.True(await call.ResponseStream.MoveNext());
            Assert.Equal($"{i}", call.ResponseStream.Current.Text);
        }

        await call.RequestStream.CompleteAsync();
        Assert.False(await call.ResponseStream.MoveNext());
    }

    [Fact]
    public async Task Unary_ThreeMegabytesBothWays_ComeBack()
    {
        var payload = new byte[3 << 20];
        new Random(1).NextBytes(payload);
        var response = await _host.Client.UnaryAsync(new EchoRequest { Payload = UnsafeByteOperations.UnsafeWrap(payload) });
        Assert.True(response.Payload.Span.SequenceEqual(payload));
    }

    [Fact]
    public async Task Duplex_FiftyAtOnce_StayApart()
    {
        var texts = await Task.WhenAll(Enumerable.Range(0, 50).Select(async i =>
        {
            using var call = _host.Client.Duplex();
            var seen = "";
            for (var k = 0; k < 5; k++)
            {
                await call.RequestStream.WriteAsync(new EchoRequest { Text = $"{i}.{k};", SizeBytes = 5000 });
                Assert.True(await call.ResponseStream.MoveNext());
                seen += call.ResponseStream.Current.Text;
            }

            await call.RequestStream.CompleteAsync();
            Assert.False(await call.ResponseStream.MoveNext());
            return seen;
        }));
        Assert.Equal(Enumerable.Range(0, 50).Select(i => string.Concat(Enumerable.Range(0, 5).Select(k => $"{i}.{k};"))), texts);
    }
}
