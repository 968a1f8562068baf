using System.Buffers.Binary;
using System.IO.Compression;
using System.Net;
using Fewshot.GrpcTests.V1;
using Google.Protobuf;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Fewshot.GrpcTests;

/// <summary>The server against bytes that no well-behaved client sends.</summary>
public sealed class WireTests : IAsyncLifetime
{
    private static readonly byte[] Hello = Frame(new EchoRequest { Text = "hello" }.ToByteArray());
    private static readonly HttpClient Http = new() { DefaultRequestVersion = HttpVersion.Version20, DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
    private EchoHost _host = null!;

    public static TheoryData<string, byte[], string> BrokenBodies => new()
    {
        { "nothing", [], "13" },
        { "half a header", [0, 0, 0], "13" },
        { "half a message", [0, 0, 0, 0, 9, 1, 2], "13" },
        { "two messages for a unary method", [.. Hello, .. Hello], "13" },
        { "no protobuf", Frame([0xff, 0xff, 0xff]), "13" },
        { "unknown flag", [2, 0, 0, 0, 0], "13" },
        { "compressed without an encoding", [1, 0, 0, 0, 0], "13" },
        { "a length beyond any limit", [0, 0xff, 0xff, 0xff, 0xff], "8" },
    };

    public async Task InitializeAsync() => _host = await EchoHost.StartAsync();

    public async Task DisposeAsync()
    {
        Assert.Empty(_host.Errors.Entries);
        await _host.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(BrokenBodies))]
    public async Task Unary_BrokenBody_FailsInTrailersOnly(string what, byte[] body, string status)
    {
        using var response = await PostAsync(new ByteArrayContent(body));
        Assert.True(response.Headers.TryGetValues("grpc-status", out var seen), what);
        Assert.Equal([status], seen);
        Assert.Empty(await response.Content.ReadAsByteArrayAsync());
        Assert.Empty(response.TrailingHeaders);
    }

    [Fact]
    public async Task Unary_SingleBytesAtATime_IsRead()
    {
        using var response = await PostAsync(new DrippingContent(Hello));
        Assert.Equal("hello", EchoResponse.Parser.ParseFrom((await response.Content.ReadAsByteArrayAsync()).AsSpan(5)).Text);
        Assert.Equal(["0"], response.TrailingHeaders.GetValues("grpc-status"));
    }

    [Fact]
    public async Task Unary_UnknownEncoding_UnimplementedWithWhatIsSupported()
    {
        using var response = await PostAsync(new ByteArrayContent([1, 0, 0, 0, 1, 0]), ("grpc-encoding", "snappy"));
        Assert.Equal(["12"], response.Headers.GetValues("grpc-status"));
        Assert.Equal(["identity,gzip"], response.Headers.GetValues("grpc-accept-encoding"));
    }

    [Fact]
    public async Task Unary_UnknownEncodingButPlainMessage_IsRead()
    {
        using var response = await PostAsync(new ByteArrayContent(Hello), ("grpc-encoding", "snappy"));
        await response.Content.LoadIntoBufferAsync();
        Assert.Equal(["0"], response.TrailingHeaders.GetValues("grpc-status"));
    }

    [Theory]
    [InlineData(false, "0")]
    [InlineData(true, "13")]
    public async Task Unary_GzipMessage_IsReadUnlessBroken(bool broken, string status)
    {
        using var packed = new MemoryStream();
        await using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(new EchoRequest { Text = "hello" }.ToByteArray());
        var bytes = packed.ToArray();
        if (broken)
            bytes[0] ^= 0xff;
        using var response = await PostAsync(new ByteArrayContent([1, .. Frame(bytes)[1..]]), ("grpc-encoding", "gzip"));
        await response.Content.LoadIntoBufferAsync();
        Assert.Equal([status], (broken ? response.Headers : response.TrailingHeaders).GetValues("grpc-status"));
    }

    [Theory]
    [InlineData("AP8H")]
    [InlineData("AP8HAA==")]
    [InlineData("AP8HAA")]
    [InlineData("AP8HAA==,AQ")]
    public async Task RequestHeaders_Base64WithAndWithoutPadding_AreRead(string value)
    {
        using var response = await PostAsync(new ByteArrayContent(Hello), ("x-data-bin", value));
        var seen = (await _host.Probe.Called.Task).RequestHeaders;
        Assert.Equal([0, 255, 7], seen.GetAll("x-data-bin").First().ValueBytes[..3]);
        Assert.Equal(value.Contains(',', StringComparison.Ordinal) ? 2 : 1, seen.GetAll("x-data-bin").Count());
    }

    [Fact]
    public async Task RequestHeaders_NotBase64_Internal()
    {
        using var response = await PostAsync(new ByteArrayContent(Hello), ("x-data-bin", "*"));
        Assert.Equal(["13"], response.Headers.GetValues("grpc-status"));
    }

    [Theory]
    [InlineData("99999999H", true)]
    [InlineData("30M", true)]
    [InlineData("5000m", true)]
    [InlineData("99999999u", true)]
    [InlineData("5", false)]
    [InlineData("999999999S", false)]
    [InlineData("-1S", false)]
    [InlineData("1x", false)]
    public async Task Timeout_Text_IsTheDeadlineIfValid(string timeout, bool valid)
    {
        using var response = await PostAsync(new ByteArrayContent(Hello), ("grpc-timeout", timeout));
        await response.Content.LoadIntoBufferAsync();
        Assert.Equal(["0"], response.TrailingHeaders.GetValues("grpc-status"));
        Assert.Equal(valid && timeout[^1] != 'H', (await _host.Probe.Called.Task).Deadline != DateTime.MaxValue);
    }

    [Fact]
    public async Task Timeout_PassesOnTheServer_AnswersWithoutWaitingForTheHandler()
    {
        using var response = await PostAsync(new ByteArrayContent(Frame(new EchoRequest { Wait = true }.ToByteArray())), ("grpc-timeout", "50m"));
        Assert.Equal(["4"], response.Headers.GetValues("grpc-status"));
        await _host.Probe.Cancelled.Task.WaitAsync(EchoHost.Patience);
    }

    [Theory]
    [InlineData("application/grpc", 200)]
    [InlineData("application/grpc+proto", 200)]
    [InlineData("application/grpc;x=y", 200)]
    [InlineData("application/grpcx", 415)]
    [InlineData("application/json", 415)]
    public async Task ContentType_NotGrpc_Is415(string contentType, int http)
    {
        using var response = await PostAsync(new ByteArrayContent(Hello), contentType: contentType);
        Assert.Equal(http, (int)response.StatusCode);
    }

    [Fact]
    public async Task UnknownPath_NotGrpc_IsPlain404()
    {
        using var response = await Http.PostAsync($"http://127.0.0.1:{_host.Port}/some/path", new StringContent("{}"));
        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.False(response.Headers.Contains("grpc-status"));
    }

    [Fact]
    public async Task Http1_Request_Is426()
    {
        await using var host = await EchoHost.StartAsync(listen: l => l.Protocols = HttpProtocols.Http1);
        using var client = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{host.Port}/fewshot.grpctests.v1.EchoService/Unary")
        {
            Content = new ByteArrayContent(Hello) { Headers = { { "content-type", "application/grpc" } } },
        };
        using var response = await client.SendAsync(request);
        Assert.Equal(HttpStatusCode.UpgradeRequired, response.StatusCode);
    }

    private static byte[] Frame(byte[] payload)
    {
        var frame = new byte[payload.Length + 5];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), payload.Length);
        payload.CopyTo(frame, 5);
        return frame;
    }

    private async Task<HttpResponseMessage> PostAsync(
        HttpContent content, (string Name, string Value)? header = null, string contentType = "application/grpc")
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{_host.Port}/fewshot.grpctests.v1.EchoService/Unary")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        content.Headers.TryAddWithoutValidation("content-type", contentType);
        if (header is { } h)
            request.Headers.TryAddWithoutValidation(h.Name, h.Value);
        return await Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
    }

    private sealed class DrippingContent(byte[] bytes) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            foreach (var b in bytes)
            {
                await stream.WriteAsync(new[] { b });
                await stream.FlushAsync();
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }
}
