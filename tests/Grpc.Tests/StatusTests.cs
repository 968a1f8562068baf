using Fewshot.GrpcTests.V1;
using Grpc.Core;

namespace Fewshot.GrpcTests;

public sealed class StatusTests : IAsyncLifetime
{
    private EchoHost _host = null!;

    public static TheoryData<string> Messages => ["", "plain", "100% früh – 漢字 \U0001F600", "line\r\nbreak\ttab", "a%20b%zz%", new string('ö', 300)];

    public async Task InitializeAsync() => _host = await EchoHost.StartAsync();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Theory]
    [MemberData(nameof(Messages))]
    public async Task Unary_RpcException_StatusMessageAndTrailersArrive(string message)
    {
        using var call = _host.Client.UnaryAsync(new EchoRequest { FailCode = (int)StatusCode.NotFound, FailMessage = message });
        var e = await Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.Equal(StatusCode.NotFound, e.StatusCode);
        Assert.Equal(message, e.Status.Detail);
        Assert.Equal("asked", e.Trailers.GetValue("x-reason"));
        Assert.Equal([0, 255, 7], e.Trailers.GetValueBytes("x-reason-bin"));
        Assert.Equal(StatusCode.NotFound, call.GetStatus().StatusCode);
        Assert.Empty(_host.Errors.Entries);
    }

    [Fact]
    public async Task ServerStream_FailureAfterMessages_MessagesThenStatus()
    {
        using var call = _host.Client.ServerStream(new EchoRequest { Count = 3, FailCode = (int)StatusCode.DataLoss, FailMessage = "gone" });
        for (var i = 0; i < 3; i++)
            Assert.True(await call.ResponseStream.MoveNext());
        var e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext());
        Assert.Equal((StatusCode.DataLoss, "gone"), (e.StatusCode, e.Status.Detail));
        Assert.Equal("asked", e.Trailers.GetValue("x-reason"));
        e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext());
        Assert.Equal(StatusCode.DataLoss, e.StatusCode);
    }

    [Fact]
    public async Task ClientStream_ServerFailsEarly_WriterAndResponseSeeTheStatus()
    {
        using var call = _host.Client.ClientStream();
        await EchoHost.WriteThoughItMayEndAsync(
            call.RequestStream, new EchoRequest { FailCode = (int)StatusCode.InvalidArgument, FailMessage = "bad chunk" });
        var response = await Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.Equal((StatusCode.InvalidArgument, "bad chunk"), (response.StatusCode, response.Status.Detail));
        var writer = await Assert.ThrowsAsync<RpcException>(() => call.RequestStream.WriteAsync(new EchoRequest()));
        Assert.Equal(StatusCode.InvalidArgument, writer.StatusCode);
    }

    [Fact]
    public async Task ClientStream_ServerFailsWhileClientWritesOn_WriteFailsWithTheServersStatus()
    {
        using var call = _host.Client.ClientStream();
        await EchoHost.WriteThoughItMayEndAsync(call.RequestStream, new EchoRequest { FailCode = (int)StatusCode.OutOfRange });
        var e = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (true)
                await call.RequestStream.WriteAsync(new EchoRequest { Text = new string('x', 10_000) });
        });
        Assert.Equal(StatusCode.OutOfRange, e.StatusCode);
    }

    [Fact]
    public async Task Unary_UnexpectedException_UnknownWithoutDetails()
    {
        var e = await Assert.ThrowsAsync<RpcException>(async () => await _host.Client.UnaryAsync(new EchoRequest { Throw = true }));
        Assert.Equal((StatusCode.Unknown, "Exception was thrown by handler."), (e.StatusCode, e.Status.Detail));
        Assert.Contains("secret path", Assert.Single(_host.Errors.Entries), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unary_UnexpectedExceptionWithDetailsOn_UnknownWithTheText()
    {
        await using var host = await EchoHost.StartAsync(o => o.EnableDetailedErrors = true);
        var e = await Assert.ThrowsAsync<RpcException>(async () => await host.Client.UnaryAsync(new EchoRequest { Throw = true }));
        Assert.Equal("Exception was thrown by handler. InvalidDataException: secret path /etc/passwd", e.Status.Detail);
    }

    [Fact]
    public async Task Unary_UnknownService_Unimplemented()
    {
        var absent = new AbsentService.AbsentServiceClient(_host.Channel);
        var e = await Assert.ThrowsAsync<RpcException>(async () => await absent.UnaryAsync(new EchoRequest()));
        Assert.Equal((StatusCode.Unimplemented, "Service is unimplemented."), (e.StatusCode, e.Status.Detail));
    }

    [Fact]
    public async Task Unary_UnknownMethodOfKnownService_Unimplemented()
    {
        var marshaller = Marshallers.StringMarshaller;
        var method = new Method<string, string>(MethodType.Unary, "fewshot.grpctests.v1.EchoService", "Nope", marshaller, marshaller);
        var call = _host.Channel.CreateCallInvoker().AsyncUnaryCall(method, null, new CallOptions(), "x");
        var e = await Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.Equal((StatusCode.Unimplemented, "Method is unimplemented."), (e.StatusCode, e.Status.Detail));
    }

    [Fact]
    public void GetStatus_WhileRunning_Throws()
    {
        using var call = _host.Client.UnaryAsync(new EchoRequest { Wait = true });
        Assert.Throws<InvalidOperationException>(() => call.GetStatus());
        Assert.Throws<InvalidOperationException>(() => call.GetTrailers());
    }
}
