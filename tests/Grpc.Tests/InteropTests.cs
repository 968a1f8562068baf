using Fewshot.GrpcTests.V1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Fewshot.GrpcTests;

/// <summary>Our server with their clients and our client with their servers: grpcio and grpc-js.</summary>
public sealed class InteropTests
{
    private static readonly string[] Checks =
    [
        "unary", "large", "server_stream", "client_stream", "duplex", "status", "exception", "metadata", "deadline", "cancel", "gzip", "limit",
        "unimplemented", "concurrent_calls",
    ];

    [SkippableTheory]
    [InlineData("python")]
    [InlineData("node")]
    public async Task Server_ForeignClient_PassesEveryCheck(string language)
    {
        await using var host = await EchoHost.StartAsync(o => o.ResponseCompressionAlgorithm = "gzip");
        await using var peer = await ForeignProcess.StartAsync(language, "client", $"{host.Port}");
        Assert.Equal(Checks.Select(c => $"ok {c}"), await peer.ReadToEndAsync());
        Assert.All(host.Errors.Entries, e => Assert.Contains("secret path", e, StringComparison.Ordinal)); // what "exception" asks for
    }

    [SkippableTheory]
    [InlineData("python")]
    [InlineData("node")]
    public async Task Client_ForeignServer_AllCallTypesAndSizes(string language)
    {
        await using var peer = await ForeignProcess.StartAsync(language, "server");
        using var channel = await ConnectAsync(peer);
        var client = new V1.EchoService.EchoServiceClient(channel);
        var payload = new byte[3 << 20];
        new Random(3).NextBytes(payload);
        foreach (var headers in new[] { new Metadata(), new Metadata { { "grpc-internal-encoding-request", "gzip" } } })
        {
            Assert.Equal(payload, (await client.UnaryAsync(new EchoRequest { Payload = ByteString.CopyFrom(payload) }, headers)).Payload.ToByteArray());
            Assert.Equal(new EchoResponse(), await client.UnaryAsync(new EchoRequest(), headers));

            using var stream = client.ServerStream(new EchoRequest { Count = 300, SizeBytes = 3000 }, headers);
            var indices = new List<int>();
            await foreach (var response in stream.ResponseStream.ReadAllAsync())
                indices.Add(response.Index);
            Assert.Equal(Enumerable.Range(0, 300), indices);

            using var upload = client.ClientStream(headers);
            for (var i = 0; i < 5; i++)
                await upload.RequestStream.WriteAsync(new EchoRequest { Text = $"{i}" });
            await upload.RequestStream.CompleteAsync();
            Assert.Equal("01234", (await upload).Text);

            using var duplex = client.Duplex(headers);
            for (var i = 0; i < 20; i++)
            {
                await duplex.RequestStream.WriteAsync(new EchoRequest { Text = $"{i}", SizeBytes = 50_000 });
                Assert.True(await duplex.ResponseStream.MoveNext());
                Assert.Equal($"{i}", duplex.ResponseStream.Current.Text);
            }

            await duplex.RequestStream.CompleteAsync();
            Assert.False(await duplex.ResponseStream.MoveNext());
        }

        var texts = await Task.WhenAll(Enumerable.Range(0, 50).Select(async i => (await client.UnaryAsync(new EchoRequest { Text = $"{i}" })).Text));
        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"{i}"), texts);
    }

    [SkippableTheory]
    [InlineData("python")]
    [InlineData("node")]
    public async Task Client_ForeignServer_StatusesAndMetadata(string language)
    {
        const string Message = "100% früh – 漢字 \U0001F600\nline";
        await using var peer = await ForeignProcess.StartAsync(language, "server");
        using var channel = await ConnectAsync(peer);
        var client = new V1.EchoService.EchoServiceClient(channel);
        var failing = new EchoRequest { FailCode = (int)StatusCode.FailedPrecondition, FailMessage = Message, Count = 2 };
        using var stream = client.ServerStream(failing);
        using var upload = client.ClientStream();
        await EchoHost.WriteThoughItMayEndAsync(upload.RequestStream, failing);
        foreach (var failed in new Func<Task>[] { async () => await client.UnaryAsync(failing), () => DrainAsync(stream), async () => await upload })
        {
            var e = await Assert.ThrowsAsync<RpcException>(failed);
            Assert.Equal((StatusCode.FailedPrecondition, Message), (e.StatusCode, e.Status.Detail));
            Assert.Equal("asked", e.Trailers.GetValue("x-reason"));
            Assert.Equal([0, 255, 7], e.Trailers.GetValueBytes("x-reason-bin"));
        }

        var absent = new AbsentService.AbsentServiceClient(channel);
        Assert.Equal(StatusCode.Unimplemented, (await Assert.ThrowsAsync<RpcException>(async () => await absent.UnaryAsync(new EchoRequest()))).StatusCode);
        var large = new EchoRequest { Payload = ByteString.CopyFrom(new byte[5 << 20]) };
        Assert.Equal(StatusCode.ResourceExhausted, (await Assert.ThrowsAsync<RpcException>(async () => await client.UnaryAsync(large))).StatusCode);

        using var mirrored = client.UnaryAsync(
            new EchoRequest { Mirror = true }, new Metadata { { "x-text", "a, b; c=d" }, { "x-data-bin", new byte[] { 250, 255, 0, 7 } } });
        await mirrored;
        foreach (var seen in new[] { await mirrored.ResponseHeadersAsync, mirrored.GetTrailers() })
        {
            Assert.Equal("a, b; c=d", seen.GetValue("x-text"));
            Assert.Equal([250, 255, 0, 7], seen.GetValueBytes("x-data-bin"));
        }
    }

    [SkippableTheory]
    [InlineData("python")]
    [InlineData("node")]
    public async Task Client_ForeignServer_DeadlineAndCancellationReachIt(string language)
    {
        await using var peer = await ForeignProcess.StartAsync(language, "server");
        using var channel = await ConnectAsync(peer);
        var client = new V1.EchoService.EchoServiceClient(channel);
        var late = client.UnaryAsync(new EchoRequest { Wait = true }, deadline: DateTime.UtcNow.AddMilliseconds(500));
        Assert.Equal(StatusCode.DeadlineExceeded, (await Assert.ThrowsAsync<RpcException>(async () => await late)).StatusCode);
        await peer.ReadAsync("cancelled");
        using var source = new CancellationTokenSource();
        var call = client.UnaryAsync(new EchoRequest { Wait = true }, cancellationToken: source.Token);
        await peer.ReadAsync("waiting");
        await source.CancelAsync();
        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(async () => await call)).StatusCode);
        await peer.ReadAsync("cancelled");
    }

    private static async Task<GrpcChannel> ConnectAsync(ForeignProcess peer) =>
        GrpcChannel.ForAddress($"http://127.0.0.1:{await peer.ReadAsync("port")}");

    private static async Task DrainAsync(AsyncServerStreamingCall<EchoResponse> call)
    {
        while (await call.ResponseStream.MoveNext())
        {
        }
    }
}
