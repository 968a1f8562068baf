using Fewshot.GrpcTests.V1;
using Grpc.Core;

namespace Fewshot.GrpcTests;

public sealed class MetadataTests : IAsyncLifetime
{
    private EchoHost _host = null!;

    public async Task InitializeAsync() => _host = await EchoHost.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(100)]
    public async Task Unary_TextAndBytes_ComeBackAsHeadersAndTrailers(int length)
    {
        var bytes = Enumerable.Range(0, length).Select(i => (byte)(250 + i)).ToArray();
        var headers = new Metadata { { "X-Text", "a, b; c=d~" }, { "x-data-bin", bytes }, { "x-two-bin", [1] }, { "x-two-bin", [2, 3] } };
        using var call = _host.Client.UnaryAsync(new EchoRequest { Mirror = true }, headers);
        await call;
        foreach (var seen in new[] { await call.ResponseHeadersAsync, call.GetTrailers() })
        {
            Assert.Equal("a, b; c=d~", seen.GetValue("x-text"));
            Assert.Equal(bytes, seen.GetValueBytes("x-data-bin"));
            Assert.Equal([[1], [2, 3]], seen.GetAll("x-two-bin").Select(e => e.ValueBytes));
        }
    }

    [Fact]
    public async Task RequestHeaders_OfACall_HoldNothingOfTheProtocol()
    {
        await _host.Client.UnaryAsync(new EchoRequest(), deadline: DateTime.UtcNow.AddMinutes(1));
        var context = await _host.Probe.Called.Task;
        Assert.Equal(["user-agent"], context.RequestHeaders.Select(e => e.Key));
        Assert.Equal("/fewshot.grpctests.v1.EchoService/Unary", context.Method);
        Assert.Equal($"127.0.0.1:{_host.Port}", context.Host);
        Assert.StartsWith("ipv4:127.0.0.1:", context.Peer, StringComparison.Ordinal);
        Assert.False(context.AuthContext.IsPeerAuthenticated);
    }

    [Fact]
    public async Task Unary_TextThatHttpCannotCarry_InternalBeforeSending()
    {
        var call = _host.Client.UnaryAsync(new EchoRequest(), new Metadata { { "x-text", "ä" } });
        Assert.Equal(StatusCode.Internal, (await Assert.ThrowsAsync<RpcException>(async () => await call)).StatusCode);
        Assert.False(_host.Probe.Called.Task.IsCompleted);
    }

    [Fact]
    public async Task WithHost_Name_IsTheAuthority()
    {
        await _host.Client.WithHost("models.example:81").UnaryAsync(new EchoRequest());
        Assert.Equal("models.example:81", (await _host.Probe.Called.Task).Host);
    }

    [Fact]
    public void Entry_WrongKindOrKey_Throws()
    {
        Assert.Throws<ArgumentException>(() => new Metadata { { "x-bin", "text" } });
        Assert.Throws<ArgumentException>(() => new Metadata { { "x", [1] } });
        Assert.Throws<ArgumentException>(() => new Metadata { { "x y", "text" } });
        Assert.Throws<InvalidOperationException>(() => new Metadata.Entry("x-bin", [1]).Value);
        Assert.Throws<InvalidOperationException>(() => Metadata.Empty.Add("x", "y"));
    }

    [Fact]
    public void Get_RepeatedKey_IsTheLastInAnyCase()
    {
        var metadata = new Metadata { { "Key", "1" }, { "key", "2" } };
        Assert.Equal("2", metadata.GetValue("KEY"));
        Assert.Null(metadata.Get("other"));
        Assert.Equal("1"u8.ToArray(), metadata[0].ValueBytes);
    }
}
