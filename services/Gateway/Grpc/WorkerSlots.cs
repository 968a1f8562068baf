using System.Threading.Channels;
using Fewshot.Gateway.Scaling;
using Grpc.Core;
using Grpc.Net.Client;

namespace Fewshot.Gateway.Grpc;

/// <summary>One stage's workers: a slot for each, handed out one task at a time in the order of asking.</summary>
public sealed class WorkerSlots
{
    private readonly Channel<CallInvoker> free = Channel.CreateUnbounded<CallInvoker>();
    private readonly CallInvoker[] workers;
    private readonly StageGauge gauge;
    private uint turn;

    internal WorkerSlots(IEnumerable<GrpcChannel> channels, StageGauge gauge)
    {
        this.gauge = gauge;
        workers = [.. channels.Select(channel => channel.CreateCallInvoker())];
        foreach (var worker in workers)
            free.Writer.TryWrite(worker);
    }

    /// <summary>How many tasks can run at a time.</summary>
    public int Count => workers.Length;

    /// <summary>A worker for a call that answers at once and needs no slot.</summary>
    public CallInvoker Any() => workers[Interlocked.Increment(ref turn) % workers.Length];

    /// <summary>A task needs a worker from now on, through all its attempts; dispose it when the task has ended.</summary>
    public IDisposable Queue() => gauge.Need();

    /// <summary>Waits for a free slot; dispose it when the attempt has ended.</summary>
    public async Task<Slot> TakeAsync(CancellationToken ct) => new(await free.Reader.ReadAsync(ct), free.Writer, gauge.Run());

    /// <summary>The right to give one worker a task.</summary>
    public sealed class Slot(CallInvoker worker, ChannelWriter<CallInvoker> home, IDisposable run) : IDisposable
    {
        private int returned;

        /// <summary>The worker.</summary>
        public CallInvoker Worker => worker;

        /// <inheritdoc/>
        public void Dispose()
        {
            if (Interlocked.Exchange(ref returned, 1) != 0)
                return;
            run.Dispose();
            home.TryWrite(worker);
        }
    }
}

/// <summary>The workers of every stage and the connections to them, made when first needed.</summary>
public sealed class StageWorkers : IDisposable
{
    private readonly Dictionary<string, GrpcChannel> channels = [];
    private readonly OwnAddress own;
    private readonly Lazy<WorkerSlots> profilers, trials, finetuners, synthesizers;

    /// <summary>Takes the addresses from the options.</summary>
    public StageWorkers(GatewayOptions options, OwnAddress own, StageLoads loads)
    {
        this.own = own;
        profilers = new(() => Connect(options.LatencyProfilers, loads.Profilers));
        trials = new(() => Connect(options.BlockTrials, loads.Trials));
        finetuners = new(() => Connect(options.Finetuners, loads.Finetuners));
        synthesizers = new(() => Connect(options.ImageSynthesizers, loads.Synthesizers));
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
        lock (channels)
        {
            foreach (var channel in channels.Values)
                channel.Dispose();
        }
    }

    private WorkerSlots Connect(IList<string> addresses, StageGauge gauge)
    {
        lock (channels)
            return new WorkerSlots([.. (addresses.Count > 0 ? addresses : [own.Url.ToString()]).Select(ChannelTo)], gauge);
    }

    private GrpcChannel ChannelTo(string address)
    {
        if (!channels.TryGetValue(address, out var channel))
        {
            var handler = new SocketsHttpHandler
            {
                EnableMultipleHttp2Connections = true,
                ConnectTimeout = TimeSpan.FromSeconds(5),
                KeepAlivePingDelay = TimeSpan.FromSeconds(20),
                KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
                PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            };
            if (new Uri(address) == own.Url)
            {
                handler.SslOptions.RemoteCertificateValidationCallback =
                    (_, certificate, _, errors) => errors == System.Net.Security.SslPolicyErrors.None || own.IsOwnCertificate(certificate);
            }

            channels.Add(address, channel = GrpcChannel.ForAddress(address, new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true }));
        }

        return channel;
    }
}
