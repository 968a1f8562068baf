namespace Fewshot.ServiceDefaults;

/// <summary>What every service is told: section <c>Fewshot</c> of the configuration (<c>--Fewshot:Listen=...</c>, <c>Fewshot__Listen</c>).</summary>
public sealed class FewshotOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Fewshot";

    /// <summary>Folder of artifacts and jobs, or of local copies where those are kept elsewhere; made when missing.</summary>
    public string StateFolder { get; set; } = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".fewshot");

    /// <summary>Where artifacts are: <c>files</c> of the state folder, <c>s3://BUCKET[/PREFIX]</c>, or <c>redis://...</c> for networks of up to 64 MB each.</summary>
    public string Artifacts { get; set; } = "files";

    /// <summary>User of the Redis servers whose address names none; none: their default user.</summary>
    public string? RedisUser { get; set; }

    /// <summary>Password of the Redis servers whose address names none.</summary>
    public string? RedisPassword { get; set; }

    /// <summary>PEM certificate of the authority of Redis servers behind <c>rediss://</c>; none: those that the machine trusts.</summary>
    public string? RedisAuthority { get; set; }

    /// <summary>Address of the S3-speaking server, such as <c>http://store:9000</c>; none: AWS. Credentials come from the usual AWS variables.</summary>
    public string? S3Endpoint { get; set; }

    /// <summary>Region of the bucket; none: <c>AWS_REGION</c>'s, else <c>us-east-1</c>.</summary>
    public string? S3Region { get; set; }

    /// <summary>How many bytes of local copies are kept of artifacts that are not files.</summary>
    public long CacheBytes { get; set; } = 20L << 30;

    /// <summary>Where to listen: <c>http://127.0.0.1:5210</c>; port 0 takes a free one. <c>https</c> needs <see cref="Certificate"/>.</summary>
    public string Listen { get; set; } = "http://127.0.0.1:5210";

    /// <summary>Where probes ask for health in the clear, and nothing else is served: <c>http://0.0.0.0:5211</c>. Empty: only <see cref="Listen"/> answers them.</summary>
    public string? HealthListen { get; set; }

    /// <summary>
    /// Device that a worker computes something small on before it says that it has started: <c>cpu</c> or <c>cuda</c>. Empty: none.
    /// </summary>
    public string? SelfTestDevice { get; set; }

    /// <summary>PEM certificate chain for <c>https</c>.</summary>
    public string? Certificate { get; set; }

    /// <summary>PEM key of <see cref="Certificate"/>.</summary>
    public string? CertificateKey { get; set; }

    /// <summary>Allows plain HTTP, or callers without a name, beyond loopback: for networks that are protected otherwise.</summary>
    public bool Insecure { get; set; }

    /// <summary>JSON file of tenants and the digests of their tokens, as <c>fewshot token new</c> writes it; then every call needs one, on loopback too.</summary>
    public string? Tokens { get; set; }

    /// <summary>PEM certificates of the authority whose client certificates name a tenant; needs <c>https</c>. With <see cref="Tokens"/> either will do, of the tenants in that file.</summary>
    public string? ClientAuthority { get; set; }

    /// <summary>File that gets a JSON line for every job started or cancelled, artifact moved and call refused; none: they are in the log alone (category <c>Fewshot.Audit</c>).</summary>
    public string? AuditLog { get; set; }

    /// <summary>Largest message that is taken, in bytes; artifacts come in chunks of up to 1 MiB.</summary>
    public int MaxMessageBytes { get; set; } = (1 << 20) + (100 << 10);

    /// <summary>Connections at a time; more are closed at once.</summary>
    public int MaxConnections { get; set; } = 1000;

    /// <summary>Calls at a time on one connection; more wait at the client.</summary>
    public int MaxStreamsPerConnection { get; set; } = 100;

    /// <summary>Largest headers of a call, in bytes.</summary>
    public int MaxHeaderBytes { get; set; } = 16 << 10;

    /// <summary>How long a heavy step waits for the one before it until the caller is sent away.</summary>
    public TimeSpan StepQueue { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>The hint that goes with RESOURCE_EXHAUSTED and with UNAVAILABLE while stopping.</summary>
    public TimeSpan RetryAfter { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest silence of a stage's stream; callers expect a message at least each 10 s.</summary>
    public TimeSpan ProgressHeartbeat { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Shortest time between two progress messages.</summary>
    public TimeSpan ProgressInterval { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// How long a worker tries to store the result of a step while its stores are away; then it leaves the step to workers that reach them.
    /// </summary>
    public TimeSpan StorePatience { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a stopping host waits for its steps to write their checkpoints.</summary>
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(25);
}
