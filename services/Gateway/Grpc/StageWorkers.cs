using System.Net.Sockets;
using Fewshot.Gateway.Queues;
using Fewshot.Gateway.Scaling;
using Grpc.Net.Client;

namespace Fewshot.Gateway.Grpc;

/// <summary>The workers of every stage and the connections to them, made when first needed and looked for again and again.</summary>
public sealed class StageWorkers : IDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly GatewayOptions options;
    private readonly OwnAddress own;
    private readonly PlaceQueues queues;
    private readonly WorkerDiscovery discovery;
    private readonly WorkerCredentials credentials;
    private readonly Lazy<WorkerSlots> profilers, trials, finetuners, synthesizers;

    /// <summary>Takes the addresses from the options.</summary>
    internal StageWorkers(GatewayOptions options, OwnAddress own, PlaceQueues queues, WorkerDiscovery discovery, WorkerCredentials credentials)
    {
        (this.options, this.own, this.queues, this.discovery, this.credentials) = (options, own, queues, discovery, credentials);
        profilers = new(() => Find(options.LatencyProfilers, StageNames.Profilers));
        trials = new(() => Find(options.BlockTrials, StageNames.Trials));
        finetuners = new(() => Find(options.Finetuners, StageNames.Finetuners));
        synthesizers = new(() => Find(options.ImageSynthesizers, StageNames.Synthesizers));
    }

    /// <summary>Latency profilers.</summary>
    public WorkerSlots Profilers => profilers.Value;

    /// <summary>Block trial workers.</summary>
    public WorkerSlots Trials => trials.Value;

    /// <summary>Finetuners.</summary>
    public WorkerSlots Finetuners => finetuners.Value;

    /// <summary>Image synthesizers.</summary>
    public WorkerSlots Synthesizers => synthesizers.Value;

    /// <inheritdoc/>
    public void Dispose()
    {
        stop.Cancel();
        foreach (var stage in (Lazy<WorkerSlots>[])[profilers, trials, finetuners, synthesizers])
        {
            if (stage.IsValueCreated)
                stage.Value.Dispose();
        }

        stop.Dispose();
    }

    private WorkerSlots Find(IList<string> addresses, string stage)
    {
        Uri[] urls = addresses.Count > 0 ? [.. addresses.Select(address => new Uri(address))] : [own.Url];
        // A gateway that runs the stage itself does so for itself.
        var slots = new WorkerSlots(ConnectTo, queues.Of(StageNames.QueueOf(stage)), shared: addresses.Count > 0);
        var known = discovery.FindAsync(urls, [], stop.Token).GetAwaiter().GetResult();
        slots.Update(known);
        if (urls.Any(WorkerDiscovery.IsName))
            _ = KeepFindingAsync(slots, urls, known, stop.Token);
        return slots;
    }

    private async Task KeepFindingAsync(WorkerSlots slots, Uri[] urls, IReadOnlyCollection<WorkerEndpoint> known, CancellationToken ct)
    {
        try
        {
            using var timer = new PeriodicTimer(options.DiscoveryInterval);
            while (await timer.WaitForNextTickAsync(ct))
            {
                known = await discovery.FindAsync(urls, known, ct);
                slots.Update(known);
            }
        }
        catch (OperationCanceledException)
        {
            // The host ends.
        }
    }

    private GrpcChannel ConnectTo(WorkerEndpoint endpoint)
    {
        var handler = new SocketsHttpHandler
        {
            EnableMultipleHttp2Connections = true,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            KeepAlivePingDelay = TimeSpan.FromSeconds(20),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
        };
        if (endpoint.Address is { } address)
        {
            // To this one of the name's addresses; the certificate is still checked against the name.
            handler.ConnectCallback = async (context, ct) =>
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
                try
                {
                    await socket.ConnectAsync(address, context.DnsEndPoint.Port, ct);
                    return new NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            };
        }

        return GrpcChannel.ForAddress(endpoint.Url, new GrpcChannelOptions
        {
            HttpHandler = credentials.Complete(handler, endpoint.Url),
            DisposeHttpClient = true,
            // Who waits for a worker says how often it is looked for; the channel's own pauses grow to two minutes.
            InitialReconnectBackoff = options.ReconnectPause / 2,
            MaxReconnectBackoff = options.ReconnectPause / 2,
        });
    }
}
