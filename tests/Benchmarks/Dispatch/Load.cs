using System.Diagnostics;
using System.Security.Cryptography;
using Fewshot.Artifacts.V1;
using Fewshot.Compression.V1;
using Fewshot.Finetuning.V1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Fewshot.Benchmarks.Dispatch;

/// <summary>What was seen of one load.</summary>
/// <param name="Seconds">From the first submit to the last job's end.</param>
/// <param name="BurstMs">Of the submits that came at the same moment to a gateway that has just started, sorted.</param>
/// <param name="SubmitMs">Of the submits that came one after the other while all those jobs ran, sorted.</param>
internal sealed record LoadResult(double Seconds, double[] BurstMs, double[] SubmitMs, long Events, long PeakBytes, long Trials, double DispatchSeconds, double BusySeconds);

/// <summary>Many jobs at once, watched by many clients.</summary>
internal static class Load
{
    public static async Task<LoadResult> RunAsync(int jobs, int candidates, int workers, int watchers, int arrivals, TimeSpan longest)
    {
        var stages = new StubStages(candidates, longest);
        await using var stubs = await StubWorkers.StartAsync(stages);
        await using var gateway = new GatewayProcess(stubs.Settings(workers, jobs + arrivals));
        using var channel = GrpcChannel.ForAddress(gateway.Url, new GrpcChannelOptions { HttpHandler = new SocketsHttpHandler { EnableMultipleHttp2Connections = true }, DisposeHttpClient = true });
        var client = new CompressionService.CompressionServiceClient(channel);
        var digest = await UploadAsync(new ArtifactService.ArtifactServiceClient(channel));

        // A gateway that has compiled its code, as all but the first jobs of a day meet it.
        for (var round = 0; round < 2; round++)
        {
            var first = await Task.WhenAll(Enumerable.Range(1_000_000 + (20 * round), 20).Select(i => SubmitAsync(client, i, digest)));
            await Task.WhenAll(first.Select(one => WatchAsync(client, one.Id)));
        }

        stages.Forget();
        var begun = Stopwatch.GetTimestamp();
        var burst = await Task.WhenAll(Enumerable.Range(0, jobs).Select(i => SubmitAsync(client, i, digest)));
        var watching = Task.WhenAll(Enumerable.Range(0, watchers).Select(i => WatchAsync(client, burst[i % jobs].Id)));
        var later = await ArriveAsync(client, jobs, digest, later: arrivals);
        var submitted = burst.Concat(later).ToArray();
        var events = await watching;
        var ends = await Task.WhenAll(later.Select(one => WatchAsync(client, one.Id)));
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        foreach (var (id, _) in submitted)
        {
            var job = (await client.GetJobAsync(new GetJobRequest { JobId = id })).Job;
            if (job.State != JobState.Succeeded)
                throw new InvalidOperationException($"{id}: {job.State} {job.StatusMessage}");
        }

        var (trials, dispatching) = stages.Dispatched;
        return new LoadResult(seconds, [.. burst.Select(one => one.Ms).Order()], [.. later.Select(one => one.Ms).Order()], events.Sum() + ends.Sum(), gateway.PeakBytes, trials, dispatching, stages.BusySeconds);
    }

    /// <summary>One every 25 ms whether or not those before have been answered, as clients that know nothing of each other do.</summary>
    private static async Task<(string Id, double Ms)[]> ArriveAsync(CompressionService.CompressionServiceClient client, int first, string digest, int later)
    {
        using var clock = new PeriodicTimer(TimeSpan.FromMilliseconds(25));
        var submits = new List<Task<(string, double)>>();
        while (submits.Count < later && await clock.WaitForNextTickAsync())
            submits.Add(SubmitAsync(client, first + submits.Count, digest));
        return await Task.WhenAll(submits);
    }

    private static async Task<(string Id, double Ms)> SubmitAsync(CompressionService.CompressionServiceClient client, int number, string digest)
    {
        var asked = Stopwatch.GetTimestamp();
        var answer = await client.StartCompressionAsync(Request(number, digest), deadline: DateTime.UtcNow.AddMinutes(5));
        return (answer.Job.Id, Stopwatch.GetElapsedTime(asked).TotalMilliseconds);
    }

    private static StartCompressionRequest Request(int number, string digest) => new()
    {
        RequestId = $"load-{number}",
        Spec = new CompressionSpec
        {
            NetworkDigest = digest, ImageSetDigest = digest, Seed = (ulong)number,
            Practise = new PractiseSpec { DropCount = 1, Tau = TauSource.Macs, TrialIterations = 1, BatchSize = 1, LatencyRuns = 2, Finetune = new OptimizerSettings { Iterations = 1, BatchSize = 1 } },
        },
    };

    private static async Task<long> WatchAsync(CompressionService.CompressionServiceClient client, string job)
    {
        using var watch = client.WatchJob(new WatchJobRequest { JobId = job, FromSequence = 1 }, deadline: DateTime.UtcNow.AddMinutes(10));
        long events = 0;
        await foreach (var _ in watch.ResponseStream.ReadAllAsync())
            events++;
        return events;
    }

    private static async Task<string> UploadAsync(ArtifactService.ArtifactServiceClient artifacts)
    {
        var content = "a stub needs no network"u8.ToArray();
        var digest = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(content));
        using var call = artifacts.UploadArtifact();
        await call.RequestStream.WriteAsync(new UploadArtifactRequest { Header = new UploadHeader { Digest = digest, SizeBytes = content.Length } });
        await call.RequestStream.WriteAsync(new UploadArtifactRequest { Chunk = ByteString.CopyFrom(content) });
        await call.RequestStream.CompleteAsync();
        return (await call).Digest;
    }
}
