namespace Fewshot.ServiceDefaults;

/// <summary>What every service is told: section <c>Fewshot</c> of the configuration (<c>--Fewshot:Listen=...</c>, <c>Fewshot__Listen</c>).</summary>
public sealed class FewshotOptions
{
    /// <summary>The configuration section.</summary>
    public const string Section = "Fewshot";

    /// <summary>Folder of artifacts, ledger and jobs; made when missing.</summary>
    public string StateFolder { get; set; } = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".fewshot");

    /// <summary>Where to listen: <c>http://127.0.0.1:5210</c>; port 0 takes a free one. <c>https</c> needs <see cref="Certificate"/>.</summary>
    public string Listen { get; set; } = "http://127.0.0.1:5210";

    /// <summary>Where probes ask for health in the clear, and nothing else is served: <c>http://0.0.0.0:5211</c>. Empty: only <see cref="Listen"/> answers them.</summary>
    public string? HealthListen { get; set; }

    /// <summary>PEM certificate chain for <c>https</c>.</summary>
    public string? Certificate { get; set; }

    /// <summary>PEM key of <see cref="Certificate"/>.</summary>
    public string? CertificateKey { get; set; }

    /// <summary>Allows plain HTTP beyond loopback, for networks that are protected otherwise.</summary>
    public bool Insecure { get; set; }

    /// <summary>How long a heavy step waits for the one before it until the caller is sent away.</summary>
    public TimeSpan StepQueue { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>The hint that goes with RESOURCE_EXHAUSTED and with UNAVAILABLE while stopping.</summary>
    public TimeSpan RetryAfter { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>Longest silence of a stage's stream; callers expect a message at least each 10 s.</summary>
    public TimeSpan ProgressHeartbeat { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Shortest time between two progress messages.</summary>
    public TimeSpan ProgressInterval { get; set; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How often a lease is renewed; a third of its life at most.</summary>
    public TimeSpan LeaseRenewal { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How often a step that another process runs is looked at.</summary>
    public TimeSpan LedgerPoll { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a stopping host waits for its steps to write their checkpoints.</summary>
    public TimeSpan ShutdownTimeout { get; set; } = TimeSpan.FromSeconds(25);
}
