using System.Collections.Concurrent;
using Fewshot.Artifacts;
using Fewshot.Artifacts.V1;
using Fewshot.Compression.V1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;

namespace Fewshot.Histories;

/// <summary>A client of one or more gateways that goes on with another one, or the same again, when a call gets lost, and writes down what it sees.</summary>
internal sealed class RecordingClient : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4), Pause = TimeSpan.FromMilliseconds(100), CallTimeout = TimeSpan.FromSeconds(15);
    private readonly History history;
    private readonly string[] addresses;
    private readonly GrpcChannel[] channels;
    private readonly ConcurrentDictionary<string, string> steps = new();
    private int turn;

    public RecordingClient(History history, params IEnumerable<string> gateways)
    {
        (this.history, addresses) = (history, [.. gateways]);
        channels = [.. addresses.Select(address => GrpcChannel.ForAddress(address, Options))];
    }

    /// <summary>Address of the gateway that is called now.</summary>
    public string Gateway => addresses[(uint)turn % addresses.Length];

    /// <summary>After so long without any message, heartbeats included, a stream counts as hanging.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Keys of the steps that were seen, with their names.</summary>
    public IReadOnlyDictionary<string, string> Steps => steps;

    // A new connection must not be made slowly because the one before broke.
    private static GrpcChannelOptions Options => new() { HttpHandler = new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(2) }, DisposeHttpClient = true };

    private static DateTime Deadline => DateTime.UtcNow + CallTimeout;

    public Task<string> UploadAsync(byte[] content) => PersistAsync(async channel =>
    {
        using var call = new ArtifactService.ArtifactServiceClient(channel).UploadArtifact(deadline: Deadline);
        try
        {
            await call.RequestStream.WriteAsync(new UploadArtifactRequest { Header = new UploadHeader { Digest = Digest.Of(content).ToString(), SizeBytes = content.Length } });
            foreach (var chunk in content.Chunk(1 << 20))
                await call.RequestStream.WriteAsync(new UploadArtifactRequest { Chunk = ByteString.CopyFrom(chunk) });
            await call.RequestStream.CompleteAsync();
        }
        catch (Exception e) when (e is InvalidOperationException or IOException)
        {
            // The answer says why the gateway listens no more.
        }

        return (await call).Digest;
    });

    public Task<byte[]> DownloadAsync(string digest) => PersistAsync(async channel =>
    {
        using var call = new ArtifactService.ArtifactServiceClient(channel).DownloadArtifact(new DownloadArtifactRequest { Digest = digest }, deadline: Deadline);
        using var content = new MemoryStream();
        await foreach (var part in call.ResponseStream.ReadAllAsync())
            part.Chunk.WriteTo(content);
        return content.ToArray();
    });

    /// <summary>Submits until a gateway acknowledges the job.</summary>
    public async Task<Job> SubmitAsync(string requestId, CompressionSpec spec)
    {
        var job = await PersistAsync(async channel =>
            (await new CompressionService.CompressionServiceClient(channel).StartCompressionAsync(new StartCompressionRequest { RequestId = requestId, Spec = spec }, deadline: Deadline)).Job);
        history.Add(new(Happening.Submitted, job.Id));
        return job;
    }

    public void Expect(string job, string? model, params string[] states) => history.Add(new(Happening.Expected, job, Digest: model, States: states));

    public Task CancelAsync(string id) => PersistAsync(async channel =>
        await new CompressionService.CompressionServiceClient(channel).CancelJobAsync(new CancelJobRequest { JobId = id }, deadline: Deadline), acknowledged: true);

    /// <summary>Watches a job to its end, from event to event however often the stream breaks.</summary>
    /// <param name="id">The job.</param>
    /// <param name="watcher">Under which name.</param>
    /// <param name="seen">Hears of each event once it is written down.</param>
    public async Task<Job> WatchAsync(string id, string watcher, Func<WatchJobResponse, Task>? seen = null)
    {
        var next = 0L;
        var ended = false;
        while (!ended)
        {
            ended = await PersistAsync(async channel =>
            {
                using var silence = new CancellationTokenSource(Silence);
                using var call = new CompressionService.CompressionServiceClient(channel).WatchJob(new WatchJobRequest { JobId = id, FromSequence = next }, cancellationToken: silence.Token);
                await foreach (var e in call.ResponseStream.ReadAllAsync(silence.Token))
                {
                    silence.CancelAfter(Silence);
                    if (e.EventCase == WatchJobResponse.EventOneofCase.None)
                        continue;
                    history.Add(new(Happening.Event, id, watcher, e.Sequence));
                    next = e.Sequence + 1;
                    if (e.Step is { } step)
                        steps[step.Key] = step.Name;
                    if (seen is not null)
                        await seen(e);
                }

                return HasEnded((await GetAsync(channel, id)).State);
            }, acknowledged: true);
        }

        var job = await PersistAsync(channel => GetAsync(channel, id), acknowledged: true);
        history.Add(new(Happening.Ended, id, Digest: job.Result?.ModelDigest, States: [job.State.ToString()], Message: job.StatusMessage.Length > 0 ? job.StatusMessage : null));
        return job;
    }

    public void Dispose()
    {
        foreach (var channel in channels)
            channel.Dispose();
    }

    public static bool HasEnded(JobState state) => state is JobState.Succeeded or JobState.Failed or JobState.Cancelled;

    private static async Task<Job> GetAsync(GrpcChannel channel, string id) =>
        (await new CompressionService.CompressionServiceClient(channel).GetJobAsync(new GetJobRequest { JobId = id }, deadline: Deadline)).Job;

    /// <summary>Repeats a call, at one gateway after the other, while what went wrong says that it may be repeated.</summary>
    /// <param name="call">The call.</param>
    /// <param name="acknowledged">It is about a job that a gateway has acknowledged: one that knows nothing of it will, once it has restored what its server forgot.</param>
    private async Task<T> PersistAsync<T>(Func<GrpcChannel, Task<T>> call, bool acknowledged = false)
    {
        for (var begun = System.Diagnostics.Stopwatch.GetTimestamp(); ;)
        {
            try
            {
                return await call(channels[(uint)turn % channels.Length]);
            }
            catch (Exception e) when (e is OperationCanceledException || (e is RpcException rpc && (IsLoss(rpc) || (acknowledged && rpc.StatusCode == StatusCode.NotFound))))
            {
                if (System.Diagnostics.Stopwatch.GetElapsedTime(begun) > Patience)
                    throw new TimeoutException($"No gateway answered in {Patience}.", e);
                Interlocked.Increment(ref turn);
                await Task.Delay(Pause);
            }
        }
    }

    private static bool IsLoss(RpcException e) => e.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Cancelled;
}
