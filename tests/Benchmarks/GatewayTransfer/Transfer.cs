using System.Diagnostics;
using System.Security.Cryptography;
using Fewshot.Artifacts.V1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Fewshot.Benchmarks.GatewayTransfer;

/// <param name="Name">What was done.</param>
/// <param name="Unit">Megabytes or calls, a second.</param>
/// <param name="PerSecond">How many.</param>
/// <param name="CpuMicroseconds">Processor time of client and gateway for one of them; it hardly depends on who else is running.</param>
internal sealed record Figure(string Name, string Unit, double PerSecond, double CpuMicroseconds);

/// <summary>A client of a gateway.</summary>
internal sealed class Transfer : IDisposable
{
    private const int ChunkBytes = 1 << 20, Calls = 4000, InFlight = 32;
    private readonly GatewayProcess gateway;
    private readonly GrpcChannel channel;
    private readonly ArtifactService.ArtifactServiceClient client;
    private readonly ByteString[] chunks;

    public Transfer(GatewayProcess gateway, int megabytes)
    {
        this.gateway = gateway;
        channel = GrpcChannel.ForAddress(gateway.Url);
        client = new ArtifactService.ArtifactServiceClient(channel);
        var (random, content) = (new Random(2021), new byte[ChunkBytes]);
        chunks = new ByteString[megabytes];
        for (var i = 0; i < megabytes; i++)
        {
            random.NextBytes(content);
            chunks[i] = ByteString.CopyFrom(content);
        }
    }

    public async Task<IReadOnlyList<Figure>> MeasureAsync(int round)
    {
        // Another artifact each time: one that is stored already is not written again.
        chunks[0] = ByteString.CopyFrom(SHA256.HashData(BitConverter.GetBytes(round)));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var chunk in chunks)
            hash.AppendData(chunk.Span);
        var digest = "sha256:" + Convert.ToHexStringLower(hash.GetHashAndReset());
        var bytes = chunks.Sum(chunk => (long)chunk.Length);
        var stat = new StatArtifactRequest { Digest = digest };
        return
        [
            await FigureAsync("upload, 1 MiB chunks", "MB/s", bytes / 1e6, () => UploadAsync(digest, bytes)),
            await FigureAsync("download", "MB/s", bytes / 1e6, () => DownloadAsync(digest, bytes)),
            await FigureAsync("stat, one at a time", "calls/s", Calls, async () =>
            {
                for (var i = 0; i < Calls; i++)
                    await client.StatArtifactAsync(stat);
            }),
            await FigureAsync($"stat, {InFlight} in flight", "calls/s", Calls, () => Parallel.ForAsync(
                0, Calls, new ParallelOptions { MaxDegreeOfParallelism = InFlight },
                async (_, ct) => await client.StatArtifactAsync(stat, cancellationToken: ct))),
        ];
    }

    public void Dispose() => channel.Dispose();

    private async Task<Figure> FigureAsync(string name, string unit, double amount, Func<Task> work)
    {
        var (cpu, began) = (Cpu(), Stopwatch.GetTimestamp());
        await work();
        return new Figure(name, unit, amount / Stopwatch.GetElapsedTime(began).TotalSeconds, (Cpu() - cpu).TotalMicroseconds / amount);
    }

    private TimeSpan Cpu() => gateway.Cpu + Process.GetCurrentProcess().TotalProcessorTime;

    private async Task UploadAsync(string digest, long bytes)
    {
        using var call = client.UploadArtifact();
        await call.RequestStream.WriteAsync(new UploadArtifactRequest { Header = new UploadHeader { Digest = digest, SizeBytes = bytes } });
        foreach (var chunk in chunks)
            await call.RequestStream.WriteAsync(new UploadArtifactRequest { Chunk = chunk });
        await call.RequestStream.CompleteAsync();
        if ((await call).SizeBytes != bytes)
            throw new InvalidOperationException("The upload is incomplete.");
    }

    private async Task DownloadAsync(string digest, long bytes)
    {
        using var call = client.DownloadArtifact(new DownloadArtifactRequest { Digest = digest });
        long received = 0;
        await foreach (var part in call.ResponseStream.ReadAllAsync())
            received += part.Chunk.Length;
        if (received != bytes)
            throw new InvalidOperationException("The download is incomplete.");
    }
}
