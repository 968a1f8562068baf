using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Net.Client;

namespace Fewshot.Mutations;

/// <summary>
/// Mutated requests to a real host: fields set to the unexpected, bytes of messages, bytes of frames, headers. Whatever comes, the host answers, soon,
/// with a code that says whose fault it was, without a path or a stack trace, and keeps its memory.
/// </summary>
internal sealed class MutatedCalls(string address, int seed) : IDisposable
{
    private const long MemoryBound = 400L << 20;
    private const int AtOnce = 8, LongestDetail = 3000;

    // Kestrel gives up a connection with 200 calls that it had to cut off within five seconds: a flood, to all appearance.
    private const int CallsOfAConnection = 150;
    private static readonly Marshaller<byte[]> Bytes = Marshallers.Create(bytes => bytes, bytes => bytes);

    // What comes with INTERNAL of bytes that are no message of the method.
    private static readonly string[] NoMessage = ["could not be deserialized", "Incomplete message", "Additional data after the message", "with compressed message", "Content-Type"];

    private static readonly StatusCode[] Fitting =
    [
        StatusCode.OK, StatusCode.InvalidArgument, StatusCode.NotFound, StatusCode.FailedPrecondition, StatusCode.AlreadyExists, StatusCode.DataLoss, StatusCode.ResourceExhausted,
        StatusCode.OutOfRange, StatusCode.Aborted, StatusCode.Unimplemented,
    ];

    private readonly ConcurrentDictionary<StatusCode, int> codes = new();
    private readonly HttpMessageInvoker http = new(new SocketsHttpHandler { EnableMultipleHttp2Connections = true });

    /// <summary>How often which code came.</summary>
    public IReadOnlyDictionary<StatusCode, int> Codes => codes;

    /// <summary>Sends so many, a fifth of them damaged at the level of frames.</summary>
    public async Task RunAsync(int count, params (MethodDescriptor Method, IMessage Request)[] samples)
    {
        await RangeAsync(0, Math.Min(count, 300), samples);
        var before = Mutation.Memory();
        await RangeAsync(300, count, samples);
        var grown = Mutation.Memory() - before;
        Assert.True(grown < MemoryBound, $"memory grew by {grown >> 20} MB");
        // It still listens to sense.
        Assert.Contains(StatusCode.InvalidArgument, codes.Keys);
    }

    public void Dispose() => http.Dispose();

    private async Task RangeAsync(int from, int to, (MethodDescriptor Method, IMessage Request)[] samples)
    {
        for (; from < to; from += CallsOfAConnection)
        {
            using var channel = GrpcChannel.ForAddress(address);
            await RangeAsync(channel, from, Math.Min(from + CallsOfAConnection, to), samples);
        }
    }

    private Task RangeAsync(GrpcChannel channel, int from, int to, (MethodDescriptor Method, IMessage Request)[] samples) =>
        Parallel.ForAsync(from, to, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (index, _) =>
        {
            var random = Mutation.Case(seed, index);
            var (method, good) = samples[random.Next(samples.Length)];
            var frames = random.Next(5) == 0;
            var message = random.Next(2) == 0 ? Mutation.Of(good, random) : Mutation.Of(good.ToByteArray(), random);
            var status = frames ? await SendFramesAsync(method, good.ToByteArray(), random) : await CallAsync(channel, method, message, random);
            if (!frames && status.Detail.Contains("server closed the connection", StringComparison.OrdinalIgnoreCase))
            {
                // Because of the calls beside it that were cut off: this one has not been looked at.
                using var fresh = GrpcChannel.ForAddress(address);
                status = await CallAsync(fresh, method, message, random);
            }

            codes.AddOrUpdate(status.StatusCode, 1, (_, times) => times + 1);
            var what = $"seed {seed}, case {index}: {method.FullName}, {(frames ? "frames" : Convert.ToHexString(message))}: {status}";
            var mayBeNoMessage = (frames || !IsMessage(method, message)) && NoMessage.Any(text => status.Detail.Contains(text, StringComparison.OrdinalIgnoreCase));
            Assert.True(Fitting.Contains(status.StatusCode) || (status.StatusCode == StatusCode.Internal && mayBeNoMessage) || (frames && status.StatusCode == StatusCode.DeadlineExceeded), what);
            // What a header brought may be named, encoded on the wire.
            Assert.True(status.Detail.Length < LongestDetail && (frames || !status.Detail.Any(char.IsControl)) && !status.Detail.Contains("   at ", StringComparison.Ordinal), what);
        });

    private static bool IsMessage(MethodDescriptor method, byte[] bytes)
    {
        try
        {
            method.InputType.Parser.ParseFrom(bytes);
            return true;
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or ArgumentException)
        {
            // The second comes of repeated fields that end in their midst.
            return false;
        }
    }

    private static async Task<Status> CallAsync(GrpcChannel channel, MethodDescriptor method, byte[] message, Random random)
    {
        var raw = new Method<byte[], byte[]>(MethodType.DuplexStreaming, method.Service.FullName, method.Name, Bytes, Bytes);
        using var call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(raw, null, new CallOptions(deadline: DateTime.UtcNow.AddMinutes(1)));
        try
        {
            // A stream of several where the method takes one: from one to three of the same.
            for (var times = method.IsClientStreaming ? random.Next(1, 4) : 1; times > 0; times--)
                await call.RequestStream.WriteAsync(message);
            await call.RequestStream.CompleteAsync();
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException or IOException)
        {
            // Refused before all was sent; the answer is read below.
        }

        try
        {
            while (await call.ResponseStream.MoveNext(default))
            {
            }

            return Status.DefaultSuccess;
        }
        catch (RpcException e)
        {
            return e.Status;
        }
    }

    private async Task<Status> SendFramesAsync(MethodDescriptor method, byte[] message, Random random)
    {
        var frame = new byte[5 + message.Length];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), message.Length);
        message.CopyTo(frame, 5);
        var body = new ByteArrayContent(random.Next(3) == 0 ? [.. Mutation.Of(frame.AsSpan(0, 5), random), .. message] : Mutation.Of(frame, random));
        body.Headers.ContentType = new MediaTypeHeaderValue(random.Next(10) switch { 0 => "application/grpc+json", 1 => "text/plain", _ => "application/grpc" });
        using var request = new HttpRequestMessage(HttpMethod.Post, $"{address}/{method.Service.FullName}/{(random.Next(20) == 0 ? "Nothing" : method.Name)}")
        {
            Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = body,
        };
        request.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        if (random.Next(4) == 0)
            request.Headers.TryAddWithoutValidation("grpc-encoding", random.Next(3) switch { 0 => "gzip", 1 => "identity", _ => "zip\u007f" });
        if (random.Next(6) == 0)
            request.Headers.TryAddWithoutValidation("grpc-timeout", random.Next(4) switch { 0 => "1n", 1 => "99999999H", 2 => "-5S", _ => "soon" });
        using var response = await http.SendAsync(request, default);
        await response.Content.CopyToAsync(Stream.Null);
        var code = Header("grpc-status");
        return code is null
            ? new Status(response.IsSuccessStatusCode ? StatusCode.Unknown : StatusCode.InvalidArgument, $"HTTP {(int)response.StatusCode} without grpc-status")
            : new Status((StatusCode)int.Parse(code, CultureInfo.InvariantCulture), Uri.UnescapeDataString(Header("grpc-message") ?? ""));

        string? Header(string name) =>
            response.TrailingHeaders.TryGetValues(name, out var trailing) || response.Headers.TryGetValues(name, out trailing) ? trailing.First() : null;
    }
}
