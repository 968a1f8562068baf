using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using Fewshot.Compression.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Fewshot.Gateway.Tests;

/// <summary>Bodies that hold no message, to a method of each kind. The rig fails where one of them leaves an error in the log.</summary>
public sealed class MalformedCallTests : IAsyncLifetime, IDisposable
{
    private const string Unary = "fewshot.compression.v1.CompressionService/GetJob";
    private const string ServerStream = "fewshot.compression.v1.CompressionService/WatchJob";
    private const string ClientStream = "fewshot.artifacts.v1.ArtifactService/UploadArtifact";
    private static readonly byte[] Message = Frame(new GetJobRequest { JobId = "job-1" }.ToByteArray());

    private static readonly string[] Unreadable =
    [
        "half a header", "half a message", "a truncated field", "no protobuf", "text that is no UTF-8", "an unknown flag",
        "compressed without an encoding", "broken gzip",
    ];

    private readonly HttpClient http = new();
    private readonly GatewayRig rig = new();

    public static TheoryData<string, string, StatusCode> Broken
    {
        get
        {
            var cases = new TheoryData<string, string, StatusCode>();
            foreach (var method in (string[])[Unary, ServerStream, ClientStream])
            {
                foreach (var body in Unreadable)
                    cases.Add(method, body, StatusCode.Internal);
                cases.Add(method, "an unknown encoding", StatusCode.Unimplemented);
                foreach (var body in (string[])["a length above the limit", "a length above any limit", "a gzip bomb"])
                    cases.Add(method, body, StatusCode.ResourceExhausted);
                if (method == ClientStream)
                    continue;
                cases.Add(method, "nothing", StatusCode.Internal);
                cases.Add(method, "two messages", StatusCode.Internal);
            }

            return cases;
        }
    }

    public Task InitializeAsync() => rig.StartAsync();

    public async Task DisposeAsync() => await rig.DisposeAsync();

    public void Dispose() => http.Dispose();

    [Theory]
    [MemberData(nameof(Broken))]
    public async Task Call_BodyIsNoMessage_EndsWithAStatusAndNoErrorInTheLog(string method, string body, StatusCode expected)
    {
        var encoding = body switch { "broken gzip" or "a gzip bomb" => "gzip", "an unknown encoding" => "snappy", _ => null };
        var (status, detail) = await PostAsync(method, BodyOf(body), encoding);
        Assert.True(status == expected, $"{status} {detail}");
        Assert.DoesNotContain("Exception", detail, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", detail, StringComparison.Ordinal);
    }

    private static byte[] BodyOf(string what) => what switch
    {
        "nothing" => [],
        "half a header" => [0, 0, 0],
        "half a message" => Message[..^2],
        "a truncated field" => Frame([10, 200]),
        "no protobuf" => Frame([0xff, 0xff, 0xff]),
        "text that is no UTF-8" => Frame([10, 2, 0xff, 0xfe]),
        "an unknown flag" => [2, .. Message[1..]],
        "compressed without an encoding" => [1, .. Message[1..]],
        "broken gzip" => [1, .. Frame([0x1f, 0x8b, 0, 1, 2, 3])[1..]],
        "an unknown encoding" => [1, .. Message[1..]],
        "a length above the limit" => [0, 0, 0x80, 0, 0],
        "a length above any limit" => [0, 0xff, 0xff, 0xff, 0xff],
        "a gzip bomb" => [1, .. Frame(Gzip(new byte[64 << 20]))[1..]],
        "two messages" => [.. Message, .. Message],
        _ => throw new ArgumentOutOfRangeException(nameof(what)),
    };

    private static byte[] Frame(byte[] message) =>
        [0, (byte)(message.Length >> 24), (byte)(message.Length >> 16), (byte)(message.Length >> 8), (byte)message.Length, .. message];

    private static byte[] Gzip(byte[] content)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(content);
        return packed.ToArray();
    }

    private async Task<(StatusCode Status, string Detail)> PostAsync(string method, byte[] body, string? encoding)
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{rig.Address}/{method}")
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = content,
        };
        if (encoding is not null)
            request.Headers.Add("grpc-encoding", encoding);
        using var response = await http.SendAsync(request);
        await response.Content.LoadIntoBufferAsync();
        var status = (StatusCode)int.Parse(Header("grpc-status"), CultureInfo.InvariantCulture);
        return (status, Uri.UnescapeDataString(Header("grpc-message")));

        string Header(string name) => response.TrailingHeaders.Concat(response.Headers).FirstOrDefault(header => header.Key == name).Value?.First() ?? "";
    }
}
