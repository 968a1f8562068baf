using System.Net;
using Fewshot.GrpcTests.V1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Fewshot.GrpcTests;

/// <summary>The client against peers that are not gRPC servers, or bad ones.</summary>
public sealed class ForeignPeerTests
{
    private static readonly byte[] Message = [0, 0, 0, 0, 3, 10, 1, (byte)'a'];

    [Theory]
    [InlineData(400, StatusCode.Internal)]
    [InlineData(401, StatusCode.Unauthenticated)]
    [InlineData(403, StatusCode.PermissionDenied)]
    [InlineData(404, StatusCode.Unimplemented)]
    [InlineData(429, StatusCode.Unavailable)]
    [InlineData(502, StatusCode.Unavailable)]
    [InlineData(503, StatusCode.Unavailable)]
    [InlineData(504, StatusCode.Unavailable)]
    [InlineData(500, StatusCode.Unknown)]
    [InlineData(302, StatusCode.Unknown)]
    public async Task HttpStatus_WithoutGrpcStatus_IsMapped(int http, StatusCode expected)
    {
        await using var peer = await Peer.StartAsync(c =>
        {
            c.Response.StatusCode = http;
            return c.Response.WriteAsync("<html>");
        });
        var e = await peer.FailAsync();
        Assert.Equal((expected, $"Bad gRPC response. HTTP status code: {http}"), (e.StatusCode, e.Status.Detail));
    }

    [Fact]
    public async Task ContentType_NotGrpc_Unknown()
    {
        await using var peer = await Peer.StartAsync(c =>
        {
            c.Response.ContentType = "text/html";
            return c.Response.WriteAsync("<html>");
        });
        var e = await peer.FailAsync();
        Assert.Equal(StatusCode.Unknown, e.StatusCode);
        Assert.Contains("text/html", e.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task HttpStatus_WithGrpcStatus_GrpcWins()
    {
        await using var peer = await Peer.StartAsync(c =>
        {
            c.Response.StatusCode = 415;
            c.Response.Headers["grpc-status"] = "16";
            return Task.CompletedTask;
        });
        Assert.Equal(StatusCode.Unauthenticated, (await peer.FailAsync()).StatusCode);
    }

    [Theory]
    [InlineData(null, "", StatusCode.Unknown, "No grpc-status found on response.")]
    [InlineData("x", "bad%", StatusCode.Unknown, "Unexpected grpc-status value 'x'. bad%")]
    [InlineData("99", "new%20code", StatusCode.Unknown, "new code")]
    [InlineData("5", "%E2%82%AC %zz%4", StatusCode.NotFound, "€ %zz%4")]
    [InlineData("9", "plain", StatusCode.FailedPrecondition, "plain")]
    public async Task Trailers_Whatever_BecomeAStatus(string? status, string message, StatusCode expected, string detail)
    {
        await using var peer = await Peer.StartAsync(async c =>
        {
            await c.StartGrpcAsync(Message);
            if (status is not null)
            {
                c.Response.AppendTrailer("grpc-status", status);
                c.Response.AppendTrailer("grpc-message", message);
                c.Response.AppendTrailer("x-pad-bin", "AQI=");
                c.Response.AppendTrailer("x-many-bin", "AQ, AgM=,AA");
            }
        });
        var e = await peer.FailAsync();
        Assert.Equal((expected, detail), (e.StatusCode, e.Status.Detail));
        if (status is null)
            return;
        Assert.Equal([1, 2], e.Trailers.GetValueBytes("x-pad-bin"));
        Assert.Equal([[1], [2, 3], [0]], e.Trailers.GetAll("x-many-bin").Select(v => v.ValueBytes));
    }

    [Fact]
    public async Task Unary_OkWithoutMessage_Internal()
    {
        await using var peer = await Peer.StartAsync(c => c.EndGrpcAsync([]));
        Assert.Equal(StatusCode.Internal, (await peer.FailAsync()).StatusCode);
    }

    [Fact]
    public async Task Unary_OkInTrailersOnly_Internal()
    {
        await using var peer = await Peer.StartAsync(c =>
        {
            c.Response.ContentType = "application/grpc";
            c.Response.Headers["grpc-status"] = "0";
            return Task.CompletedTask;
        });
        Assert.Equal(StatusCode.Internal, (await peer.FailAsync()).StatusCode);
        using var stream = peer.Client.Duplex();
        Assert.False(await stream.ResponseStream.MoveNext());
    }

    [Theory]
    [InlineData("two messages", StatusCode.Internal)]
    [InlineData("half a message", StatusCode.Internal)]
    [InlineData("no protobuf", StatusCode.Internal)]
    [InlineData("unknown encoding", StatusCode.Unimplemented)]
    [InlineData("one message", StatusCode.OK)]
    public async Task Unary_Body_IsCheckedThoughTheStatusIsOk(string what, StatusCode expected)
    {
        byte[] body = what switch
        {
            "two messages" => [.. Message, .. Message],
            "half a message" => Message[..^1],
            "no protobuf" => [0, 0, 0, 0, 1, 255],
            "unknown encoding" => [1, .. Message[1..]],
            _ => Message,
        };
        await using var peer = await Peer.StartAsync(c =>
        {
            c.Response.Headers["grpc-encoding"] = "br";
            return c.EndGrpcAsync(body);
        });
        if (expected == StatusCode.OK)
            Assert.Equal("a", (await peer.Client.UnaryAsync(new EchoRequest())).Text);
        else
            Assert.Equal(expected, (await peer.FailAsync()).StatusCode);
    }

    [Theory]
    [InlineData(2, StatusCode.Internal)]
    [InlineData(7, StatusCode.Unavailable)]
    [InlineData(8, StatusCode.Cancelled)]
    [InlineData(11, StatusCode.ResourceExhausted)]
    [InlineData(12, StatusCode.PermissionDenied)]
    public async Task Reset_ByThePeer_IsMapped(int errorCode, StatusCode expected)
    {
        await using var peer = await Peer.StartAsync(async c =>
        {
            await c.StartGrpcAsync(Message);
            c.Features.Get<IHttpResetFeature>()!.Reset(errorCode);
        });
        Assert.Equal(expected, (await peer.FailAsync()).StatusCode);
    }

    [Fact]
    public async Task Connection_LostInTheMiddle_Unavailable()
    {
        await using var peer = await Peer.StartAsync(async c =>
        {
            await c.StartGrpcAsync(Message);
            c.Features.Get<IConnectionLifetimeFeature>()!.Abort();
        });
        using var call = peer.Client.ServerStream(new EchoRequest());
        var e = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await call.ResponseStream.MoveNext())
            {
            }
        });
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
    }

    [Fact]
    public async Task Peer_SpeaksHttp1Only_FailsWithoutHanging()
    {
        await using var peer = await Peer.StartAsync(c => c.Response.WriteAsync("hello"), HttpProtocols.Http1);
        var e = await peer.FailAsync();
        Assert.Contains(e.StatusCode, new[] { StatusCode.Internal, StatusCode.Unavailable });
    }

    private sealed class Peer : IAsyncDisposable
    {
        private readonly WebApplication _app;
        private readonly GrpcChannel _channel;

        private Peer(WebApplication app)
        {
            _app = app;
            _channel = GrpcChannel.ForAddress(app.Urls.Single());
            Client = new V1.EchoService.EchoServiceClient(_channel);
        }

        public V1.EchoService.EchoServiceClient Client { get; }

        public static async Task<Peer> StartAsync(RequestDelegate answer, HttpProtocols protocols = HttpProtocols.Http2)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l => l.Protocols = protocols));
            var app = builder.Build();
            app.Run(answer);
            await app.StartAsync();
            return new Peer(app);
        }

        public async Task<RpcException> FailAsync() =>
            await Assert.ThrowsAsync<RpcException>(async () => await Client.UnaryAsync(new EchoRequest(), deadline: DateTime.UtcNow + EchoHost.Patience));

        public async ValueTask DisposeAsync()
        {
            _channel.Dispose();
            await _app.DisposeAsync();
        }
    }
}

internal static class HandMadeGrpc
{
    public static async Task StartGrpcAsync(this HttpContext context, byte[] body)
    {
        context.Response.ContentType = "application/grpc";
        await context.Response.Body.WriteAsync(body);
        await context.Response.Body.FlushAsync();
    }

    public static async Task EndGrpcAsync(this HttpContext context, byte[] body)
    {
        await context.StartGrpcAsync(body);
        context.Response.AppendTrailer("grpc-status", "0");
    }
}
