using System.Diagnostics;
using System.Net;
using Fewshot.Benchmarks.GrpcThroughput.V1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Fewshot.Benchmarks.GrpcThroughput;

internal sealed class ThroughputService : V1.ThroughputService.ThroughputServiceBase
{
    public override Task<Chunk> Unary(Chunk request, ServerCallContext context) => Task.FromResult(request);

    public override async Task Download(DownloadRequest request, IServerStreamWriter<Chunk> responseStream, ServerCallContext context)
    {
        var chunk = new Chunk { Data = UnsafeByteOperations.UnsafeWrap(new byte[request.ChunkBytes]) };
        for (var i = 0; i < request.Count; i++)
            await responseStream.WriteAsync(chunk);
    }

    public override async Task<UploadResponse> Upload(IAsyncStreamReader<Chunk> requestStream, ServerCallContext context)
    {
        var total = new UploadResponse();
        await foreach (var chunk in requestStream.ReadAllAsync())
            total.ReceivedBytes += chunk.Data.Length;
        return total;
    }
}

/// <summary>Our server and our client, each in its own process as grpcio's are.</summary>
internal static class Ours
{
    private const int ChunkBytes = 1 << 20;
    private const int Chunks = 64;
    private const int InFlight = 32;

    public static async Task ServeAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k =>
        {
            // The windows of the product's hosts: a 1 MiB chunk fits.
            k.Limits.Http2.InitialStreamWindowSize = 2 << 20;
            k.Limits.Http2.InitialConnectionWindowSize = 4 << 20;
            k.Listen(IPAddress.Loopback, 0, l => l.Protocols = HttpProtocols.Http2);
        });
        builder.Services.AddGrpc();
        await using var app = builder.Build();
        app.MapGrpcService<ThroughputService>();
        await app.StartAsync();
        Console.WriteLine(new Uri(app.Urls.Single()).Port);
        await Console.In.ReadToEndAsync();
    }

    public static async Task MeasureAsync(int port, double seconds)
    {
        using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{port}");
        var client = new V1.ThroughputService.ThroughputServiceClient(channel);
        var small = new Chunk { Data = ByteString.CopyFrom(new byte[100]) };
        var large = new Chunk { Data = ByteString.CopyFrom(new byte[ChunkBytes]) };
        Queue<Task> flight = [];

        async Task<double> OneAsync()
        {
            await client.UnaryAsync(small);
            return 1;
        }

        async Task<double> ManyAsync()
        {
            while (flight.Count < InFlight)
                flight.Enqueue(client.UnaryAsync(small).ResponseAsync);
            await flight.Dequeue();
            return 1;
        }

        async Task<double> DownloadAsync()
        {
            using var call = client.Download(new DownloadRequest { Count = Chunks, ChunkBytes = ChunkBytes });
            var bytes = 0L;
            await foreach (var chunk in call.ResponseStream.ReadAllAsync())
                bytes += chunk.Data.Length;
            return bytes / 1e6;
        }

        async Task<double> UploadAsync()
        {
            using var call = client.Upload();
            for (var i = 0; i < Chunks; i++)
                await call.RequestStream.WriteAsync(large);
            await call.RequestStream.CompleteAsync();
            return (await call).ReceivedBytes / 1e6;
        }

        foreach (var step in new[] { OneAsync, ManyAsync, DownloadAsync, UploadAsync })
        {
            var (perSecond, done) = await RateAsync(seconds, step);
            Console.WriteLine($"{perSecond} {done}");
            await Task.WhenAll(flight);
            flight.Clear();
        }
    }

    private static async Task<(double PerSecond, double Done)> RateAsync(double seconds, Func<Task<double>> step)
    {
        await step();
        Console.WriteLine("warm");
        var (done, clock) = (0.0, Stopwatch.StartNew());
        while (clock.Elapsed.TotalSeconds < seconds)
            done += await step();
        return (done / clock.Elapsed.TotalSeconds, done);
    }
}
