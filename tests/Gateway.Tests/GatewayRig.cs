using System.Net;
using Fewshot.Artifacts;
using Fewshot.Artifacts.V1;
using Fewshot.Compression.V1;
using Fewshot.Finetuning.V1;
using Fewshot.Gateway.Grpc;
using Fewshot.Gateway.Jobs;
using Fewshot.ServiceDefaults;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Runtime;

namespace Fewshot.Gateway.Tests;

/// <summary>A gateway and its stages on a real Kestrel over real files. Disposing the host leaves the state, so that another can take over.</summary>
internal sealed class GatewayRig : IAsyncDisposable
{
    private readonly string folder, ledger;
    private readonly bool ownsFolder;
    private readonly UnexpectedErrors errors = new();
    private WebApplication? app;
    private GrpcChannel? channel;

    public FakeStages Stages { get; } = new();

    /// <summary>What the gateway takes names for; the machine's own resolver where null.</summary>
    public Func<string, CancellationToken, Task<IPAddress[]>>? Resolve { get; set; }

    /// <summary>Changes what the hosts that are built next are told: of the gateway (true) or of a worker.</summary>
    public Action<bool, FewshotOptions> HostDefaults { get; set; } = (_, _) => { };

    /// <summary>Puts something else in the place of services of the gateway.</summary>
    public Action<IServiceCollection> Replace { get; set; } = _ => { };

    public string Folder => folder;

    /// <summary>Changes options of every host.</summary>
    public Action<FewshotOptions>? Defaults { get; set; }

    /// <summary>An error in the log that contains this is what the test wants to see.</summary>
    public void Expect(string error) => errors.Expected = error;

    /// <summary>What calls carry from now on; nothing where null.</summary>
    public string? Token { get; set; }

    public IServiceProvider Services => app!.Services;

    public string Address { get; private set; } = "";

    public CompressionService.CompressionServiceClient Jobs => new(channel!);

    public ArtifactService.ArtifactServiceClient Artifacts => new(channel!);

    public static DateTime Deadline => DateTime.UtcNow.AddSeconds(60);

    public GatewayRig(string ledger = "files", string? folder = null)
    {
        this.ledger = ledger;
        ownsFolder = folder is null;
        this.folder = folder ?? Directory.CreateTempSubdirectory("fewshot-gateway-").FullName;
    }

    /// <param name="configure">Changes options.</param>
    /// <param name="ledger">Where ledger and jobs are.</param>
    /// <param name="folder">Another rig's, whose artifacts and ledger this one shares.</param>
    public static async Task<GatewayRig> StartedAsync(Action<GatewayOptions>? configure = null, string ledger = "files", string? folder = null)
    {
        var rig = new GatewayRig(ledger, folder);
        await rig.StartAsync(configure);
        return rig;
    }

    public async Task StartAsync(Action<GatewayOptions>? configure = null)
    {
        app = Build(folder, ledger, Stages, errors, gateway: true, configure);
        await app.StartAsync();
        Address = AddressOf(app);
        channel = GrpcChannel.ForAddress(Address, new GrpcChannelOptions { HttpHandler = new TokenHandler(this), DisposeHttpClient = true });
    }

    /// <summary>A host of stages only, over the same state.</summary>
    public async Task<WebApplication> StartWorkerAsync(FakeStages stages, string listen = "http://127.0.0.1:0")
    {
        var worker = Build(folder, ledger, stages, errors, gateway: false, configure: null, listen);
        await worker.StartAsync();
        return worker;
    }

    public static string AddressOf(WebApplication app) => app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First();

    public async Task StopAsync()
    {
        channel?.Dispose();
        if (app is not null)
        {
            await app.StopAsync();
            await app.DisposeAsync();
        }

        app = null;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        if (ownsFolder)
            Directory.Delete(folder, recursive: true);
        Assert.True(errors.Seen.Count == 0, string.Join('\n', errors.Seen));
    }

    public async Task<string> PutAsync(byte[] content)
    {
        using var call = Artifacts.UploadArtifact(deadline: Deadline);
        await call.RequestStream.WriteAsync(new UploadArtifactRequest { Header = new UploadHeader { Digest = Digest.Of(content).ToString(), SizeBytes = content.Length } });
        foreach (var chunk in content.Chunk(1 << 20))
            await call.RequestStream.WriteAsync(new UploadArtifactRequest { Chunk = ByteString.CopyFrom(chunk) });
        await call.RequestStream.CompleteAsync();
        return (await call).Digest;
    }

    public async Task<byte[]> GetAsync(string digest, long offset = 0)
    {
        using var call = Artifacts.DownloadArtifact(new DownloadArtifactRequest { Digest = digest, Offset = offset }, deadline: Deadline);
        using var content = new MemoryStream();
        await foreach (var part in call.ResponseStream.ReadAllAsync())
        {
            Assert.True(part.Chunk.Length <= 1 << 20);
            part.Chunk.WriteTo(content);
        }

        return content.ToArray();
    }

    /// <summary>A specification that compresses a vision transformer to four fifths of its MACs, on uploaded artifacts.</summary>
    public async Task<CompressionSpec> DcVitAsync(Action<DcVitSpec>? change = null)
    {
        Stages.Network = FakeNetwork.Vit;
        var dcvit = new DcVitSpec
        {
            MacsRatio = 0.8, Training = new Trials.V1.MimicTraining { Iterations = 10, BatchSize = 4 }, MetricImages = new ImageSynthesis { Images = 10, Iterations = 5 }, LatencyRuns = 5,
        };
        change?.Invoke(dcvit);
        var spec = await SpecAsync();
        spec.Dcvit = dcvit;
        return spec;
    }

    /// <summary>A specification that drops two blocks, on uploaded artifacts.</summary>
    public async Task<CompressionSpec> SpecAsync(Action<PractiseSpec>? change = null)
    {
        var practise = new PractiseSpec
        {
            DropCount = 2, TrialIterations = 10, Finetune = new OptimizerSettings { Iterations = 20 }, BatchSize = 8, LatencyRuns = 5,
        };
        change?.Invoke(practise);
        return new CompressionSpec
        {
            NetworkDigest = await PutAsync("a network"u8.ToArray()),
            ImageSetDigest = await PutAsync("a few images"u8.ToArray()),
            EvaluationSetDigest = await PutAsync("labeled images"u8.ToArray()),
            Seed = 2021,
            Practise = practise,
        };
    }

    public async Task<Job> StartAsync(string requestId, CompressionSpec spec) =>
        (await Jobs.StartCompressionAsync(new StartCompressionRequest { RequestId = requestId, Spec = spec }, deadline: Deadline)).Job;

    /// <summary>Every event of a job until it has ended, heartbeats left out.</summary>
    public async Task<IReadOnlyList<WatchJobResponse>> WatchAsync(string id, long from = 0)
    {
        using var call = Jobs.WatchJob(new WatchJobRequest { JobId = id, FromSequence = from }, deadline: Deadline);
        var events = new List<WatchJobResponse>();
        await foreach (var e in call.ResponseStream.ReadAllAsync())
        {
            if (e.EventCase != WatchJobResponse.EventOneofCase.None)
                events.Add(e);
        }

        return events;
    }

    public async Task<Job> EndOfAsync(string id)
    {
        await WatchAsync(id);
        return (await Jobs.GetJobAsync(new GetJobRequest { JobId = id }, deadline: Deadline)).Job;
    }

    /// <summary>Waits for a job's note of a step, which a worker may be quicker than.</summary>
    public async Task StepNotedAsync(string id, Func<StepNote, bool>? wanted = null)
    {
        await foreach (var e in Services.GetRequiredService<JobStore>().FollowAsync(id, fromSequence: 0, TimeSpan.FromMinutes(1)))
        {
            if (e is null || e.Step is { } step && wanted?.Invoke(step) != false)
                return;
        }
    }

    private WebApplication Build(string folder, string ledger, FakeStages stages, UnexpectedErrors errors, bool gateway, Action<GatewayOptions>? configure, string listen = "http://127.0.0.1:0")
    {
        var builder = WebApplication.CreateBuilder().AddFewshotDefaults(options =>
        {
            options.StateFolder = folder;
            options.Listen = listen;
            options.RetryAfter = TimeSpan.FromMilliseconds(20);
            options.ProgressInterval = TimeSpan.FromMilliseconds(5);
            Defaults?.Invoke(options);
            HostDefaults(gateway, options);
        });
        // Hosts that stop, or cannot reach their stores, are unhealthy.
        builder.Logging.ClearProviders().AddProvider(errors).AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None);
        builder.Services.AddSingleton(stages);
        if (gateway)
        {
            builder.AddGateway(options =>
            {
                options.Redis = ledger == "files" ? null : ledger;
                options.RetryPause = TimeSpan.FromMilliseconds(5);
                options.ReconnectPause = TimeSpan.FromMilliseconds(20);
                options.ReclaimInterval = TimeSpan.FromMilliseconds(50);
                configure?.Invoke(options);
            });
            builder.Services.AddSingleton(provider => new WorkerDiscovery(provider.GetRequiredService<ILogger<WorkerDiscovery>>(), Resolve));
            Replace(builder.Services);
            // A silo that is taken for dead ends its process, which is the tests' here, on a machine that stands still for seconds.
            builder.Services.Configure<ClusterMembershipOptions>(membership => membership.NumMissedProbesLimit = 30);
            builder.Services.AddSingleton<IFatalErrorHandler, EndOfHost>();
            // Silos that are parted from others, or from Redis, say so as errors.
            builder.Logging.AddFilter("Orleans", LogLevel.None);
        }

        var host = builder.Build().MapFewshotDefaults();
        host.MapGrpcService<FakeStages.Profiler>();
        host.MapGrpcService<FakeStages.Trials>();
        host.MapGrpcService<FakeStages.Finetuner>();
        host.MapGrpcService<FakeSynthesizer>();
        return gateway ? host.MapGateway() : host;
    }

    /// <summary>A silo that is sent away ends its process: here, its host.</summary>
    private sealed class EndOfHost(IHostApplicationLifetime lifetime) : IFatalErrorHandler
    {
        public bool IsUnexpected(Exception exception) => true;

        public void OnFatalException(object? sender = null, string? context = null, Exception? exception = null) => lifetime.StopApplication();
    }

    private sealed class TokenHandler(GatewayRig rig) : DelegatingHandler(new SocketsHttpHandler { EnableMultipleHttp2Connections = true })
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (rig.Token is { } token)
                request.Headers.Authorization = new System.Net.Http.Headers.AuthenticationHeaderValue("Bearer", token);
            return base.SendAsync(request, cancellationToken);
        }
    }
}
