using Fewshot.Artifacts.Redis;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway;

/// <summary>What the gateway is told: section <c>Gateway</c> of the configuration.</summary>
public sealed class GatewayOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Gateway";

    /// <summary>URLs of the latency profilers; empty: this host itself. A name stands for all its addresses. A slot for each.</summary>
    public IList<string> LatencyProfilers { get; } = [];

    /// <summary>URLs of the block trial workers; empty: this host itself. A name stands for all its addresses. A slot for each.</summary>
    public IList<string> BlockTrials { get; } = [];

    /// <summary>URLs of the finetuners; empty: this host itself. A name stands for all its addresses. A slot for each.</summary>
    public IList<string> Finetuners { get; } = [];

    /// <summary>URLs of the image synthesizers; empty: this host itself. A name stands for all its addresses. A slot for each.</summary>
    public IList<string> ImageSynthesizers { get; } = [];

    /// <summary>
    /// Redis server of the gateways that share jobs: <c>redis://HOST[:PORT][/DATABASE]</c> (<c>rediss://</c> for TLS), or
    /// <c>redis://HOST[:PORT],HOST[:PORT]/DATABASE?sentinel=NAME</c> where the hosts are Sentinels that watch the primary NAME. Empty: this
    /// gateway is alone, and jobs are files of Fewshot:StateFolder.
    /// </summary>
    public string? Redis { get; set; }

    /// <summary>Token that workers know this gateway by.</summary>
    public string? WorkerToken { get; set; }

    /// <summary>File that holds <see cref="WorkerToken"/>, and may be replaced.</summary>
    public string? WorkerTokenFile { get; set; }

    /// <summary>PEM certificates of the authority of workers behind <c>https</c>; none: those that the machine trusts.</summary>
    public string? WorkerAuthority { get; set; }

    /// <summary>PEM certificate for workers that ask for one.</summary>
    public string? WorkerCertificate { get; set; }

    /// <summary>PEM key of <see cref="WorkerCertificate"/>.</summary>
    public string? WorkerCertificateKey { get; set; }

    /// <summary>IP address at which gateways that share a Redis reach this one; empty: the one it listens on, else this machine's own.</summary>
    public string? SiloAddress { get; set; }

    /// <summary>Port at which they do; 0 takes a free one.</summary>
    public int SiloPort { get; set; }

    /// <summary>PEM certificates of the authority of the gateways' certificates: gateways then talk TLS to each other. Needed beyond loopback.</summary>
    public string? SiloAuthority { get; set; }

    /// <summary>
    /// Where KEDA's external scaler is served, and nothing else: <c>https://0.0.0.0:7401</c>, with Fewshot:Certificate. Empty:
    /// Fewshot:Listen serves it.
    /// </summary>
    public string? ScalerListen { get; set; }

    /// <summary>
    /// PEM certificates of the authority whose client certificates may call <see cref="ScalerListen"/>, which must be <c>https</c>.
    /// Empty: callers need no certificate.
    /// </summary>
    public string? ScalerAuthority { get; set; }

    /// <summary>
    /// Groups that a job's trials are split into at least. More than there are workers where more of them start once there is something to do:
    /// the demand they see is these groups. Fewer groups share more work.
    /// </summary>
    public int TrialGroups { get; set; } = 1;

    /// <summary>How often names of workers are resolved again.</summary>
    public TimeSpan DiscoveryInterval { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Largest artifact a client may upload.</summary>
    public long MaxArtifactBytes { get; set; } = 16L << 30;

    /// <summary>Longest time in which a caller sends nothing of an upload, or reads nothing of a download.</summary>
    public TimeSpan TransferIdle { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Least bytes a second that a caller must send of an upload, or read of a download, on average.</summary>
    public int MinTransferRate { get; set; } = 16 << 10;

    /// <summary>Uploads and downloads at a time, some six megabytes of memory each; more wait.</summary>
    public int MaxTransfers { get; set; } = 64;

    /// <summary>How many of these one tenant may have.</summary>
    public int MaxTransfersPerTenant { get; set; } = 16;

    /// <summary>Jobs that run at a time in this gateway; more wait.</summary>
    public int ConcurrentJobs { get; set; } = 8;

    /// <summary>Unfinished jobs of a tenant whose own limit is not known.</summary>
    public int DefaultMaxUnfinishedJobs { get; set; } = 1000;

    /// <summary>Jobs that such a tenant may run at a time, at all gateways together.</summary>
    public int DefaultMaxRunningJobs { get; set; } = 8;

    /// <summary>Bytes of such a tenant's uploads.</summary>
    public long DefaultMaxArtifactBytes { get; set; } = 200L << 30;

    /// <summary>Jobs that such a tenant may watch at a time.</summary>
    public int DefaultMaxStreams { get; set; } = 200;

    /// <summary>Seconds of workers' time that such a tenant may use within 24 hours: eight workers without a pause.</summary>
    public long DefaultMaxComputeSeconds { get; set; } = 8 * 24 * 3600;

    /// <summary>
    /// Whether jobs are kept nowhere, but end with this process. Finished steps stay.
    /// </summary>
    public bool JobsInMemory { get; set; }

    /// <summary>Whether unfinished jobs are looked for and continued. A command that runs one job sets it false.</summary>
    public bool ReclaimJobs { get; set; } = true;

    /// <summary>How often unfinished jobs are looked for.</summary>
    public TimeSpan ReclaimInterval { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long an ended job is kept with everything it made; unset: for ever. Artifacts that no job needs go with those that are not kept.</summary>
    public TimeSpan? KeepJobs { get; set; }

    /// <summary>How often jobs and artifacts that are not kept are looked for.</summary>
    public TimeSpan CollectionInterval { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Longest silence of a stage's stream before its worker counts as lost.</summary>
    public TimeSpan WorkerSilence { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a step may make no progress before its worker counts as lost, though it says that it is alive.</summary>
    public TimeSpan StepPatience { get; set; } = TimeSpan.FromMinutes(15);

    /// <summary>Deadline of a stage's stream.</summary>
    public TimeSpan StepDeadline { get; set; } = TimeSpan.FromDays(2);

    /// <summary>Deadline of the calls that answer at once.</summary>
    public TimeSpan UnaryDeadline { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>First pause after a loss or a transient error; later ones double, with jitter.</summary>
    public TimeSpan RetryPause { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a step waits while no worker of its stage can be reached.</summary>
    public TimeSpan WorkerPatience { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Pause between two attempts to reach one.</summary>
    public TimeSpan ReconnectPause { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a step that lost three workers is given to none, whichever job asks for it.</summary>
    public TimeSpan PoisonQuarantine { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>Longest silence of a watched job's stream.</summary>
    public TimeSpan WatchHeartbeat { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>The address of <see cref="Redis"/>; null where there is none.</summary>
    /// <exception cref="HostOptionsException">It is wrong.</exception>
    internal RedisAddress? RedisAddress(FewshotOptions defaults) => string.IsNullOrEmpty(Redis)
        ? null
        : defaults.RedisAt(Redis, $"{Section}:{nameof(Redis)}", "redis://HOST[:PORT][/DATABASE] or rediss://...");

    /// <summary>The configured workers of all stages.</summary>
    /// <exception cref="HostOptionsException">An address is invalid.</exception>
    internal IReadOnlyList<Uri> WorkerAddresses()
    {
        (string Key, IList<string> Addresses)[] stages =
        [
            (nameof(LatencyProfilers), LatencyProfilers), (nameof(BlockTrials), BlockTrials),
            (nameof(Finetuners), Finetuners), (nameof(ImageSynthesizers), ImageSynthesizers),
        ];
        return [.. stages.SelectMany(stage => stage.Addresses, (stage, address) => Parse(stage.Key, address))];
    }

    private static Uri Parse(string key, string address) =>
        Uri.TryCreate(address, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" ? uri : throw new HostOptionsException(
            $"{Section}:{key}: '{LogText.Escape(address)}' is not a worker address; give http://HOST:PORT or https://HOST:PORT.");
}
