using System.Collections.Concurrent;
using Fewshot.Compression.V1;
using Fewshot.Histories;

namespace Fewshot.EndToEnd;

/// <summary>A cluster of real processes, the client that uses it, and the history of what is done to it, which is checked at the end.</summary>
internal sealed class DisturbedCluster : IAsyncDisposable
{
    // A killed process's lease is waited for.
    public static readonly (string Name, string Value)[] ShortLeases =
        [("Fewshot__LeaseDuration", "00:00:03"), ("Fewshot__LeaseRenewal", "00:00:01"), ("Gateway__ReclaimInterval", "00:00:01")];

    private readonly TemporaryFolder folder = new();
    private readonly ConcurrentBag<Task<Job>> watched = [];
    private readonly ConcurrentBag<(string Job, CompressionSpec Spec, string[] States)> expected = [];
    private readonly Undisturbed undisturbed;
    private readonly string stores;
    private int requests;

    /// <param name="undisturbed">Knows what jobs must make.</param>
    /// <param name="workers">Of each kind.</param>
    /// <param name="gateways">How many.</param>
    /// <param name="stores">servers or files.</param>
    /// <param name="prepare">Is given the state folder before anything starts.</param>
    public DisturbedCluster(Undisturbed undisturbed, int workers = 2, int gateways = 1, string stores = "servers", Action<string>? prepare = null)
    {
        (this.undisturbed, this.stores) = (undisturbed, stores);
        Processes = new RunningCluster(workers, stores, ShortLeases, gateways, prepare);
        History = new History(folder["history.jsonl"]);
        Client = new RecordingClient(History, Processes.Gateways);
    }

    public RunningCluster Processes { get; }

    public History History { get; }

    public RecordingClient Client { get; }

    /// <summary>Every kind of process that can be killed and comes again, by name.</summary>
    public IEnumerable<string> Workers => Processes.Processes.Keys.Where(name => name is not ("redis" or "s3") && !name.StartsWith("gateway", StringComparison.Ordinal));

    /// <summary>Submits a job of this seed and watches it.</summary>
    /// <param name="seed">Another job for another one.</param>
    /// <param name="seen">Hears of its events.</param>
    /// <param name="states">What it may end in; succeeded where nothing is given.</param>
    /// <param name="finetuneIterations">How long it takes.</param>
    public async Task<(Job Job, Task<Job> Ended)> StartAsync(
        ulong seed, Func<WatchJobResponse, Task>? seen = null, IEnumerable<string>? states = null, int trialIterations = 10, int finetuneIterations = 20)
    {
        var spec = await undisturbed.SpecAsync(Client, seed, trialIterations, finetuneIterations);
        var job = await Client.SubmitAsync($"r{Interlocked.Increment(ref requests)}", spec);
        expected.Add((job.Id, spec, [.. states ?? ["Succeeded"]]));
        var ended = Client.WatchAsync(job.Id, "watcher", seen);
        watched.Add(ended);
        return (job, ended);
    }

    /// <summary>Writes down what the ledger says now.</summary>
    public async Task SampleAsync()
    {
        await using var shared = Open();
        await shared.SampleAsync(Client.Steps.Keys);
    }

    /// <summary>The ledger, artifacts and jobs of the cluster.</summary>
    public SharedStores Open() => new(History, options =>
    {
        options.StateFolder = stores == "files" ? Processes.State : folder["looking"];
        if (stores == "files")
            return;
        S3Credentials();
        options.Ledger = $"redis://127.0.0.1:{Processes.Processes["redis"].Port}";
        options.Artifacts = "s3://fewshot";
        options.S3Endpoint = $"http://127.0.0.1:{Processes.Processes["s3"].Port}";
    });

    /// <summary>Waits for every job, makes their models undisturbed, collects, and checks the history.</summary>
    public async Task CheckAsync()
    {
        await Task.WhenAll(watched);
        // Not before: two computing processes at once would only wait for each other.
        foreach (var (job, spec, states) in expected)
            Client.Expect(job, states.Contains("Succeeded") ? await undisturbed.ModelAsync(spec) : null, states);
        await using (var shared = Open())
        {
            await shared.SampleAsync(Client.Steps.Keys);
            await shared.CollectAsync([.. Client.Steps.Keys]);
        }

        Assert.Empty(HistoryChecker.Check(History.Read()));
        Assert.Empty(Unfinished());
        Processes.Stop();
    }

    public ValueTask DisposeAsync()
    {
        Client.Dispose();
        Processes.Dispose();
        History.Dispose();
        folder.Dispose();
        return ValueTask.CompletedTask;
    }

    // The only ones that the S3 server takes, where the SDK looks for them.
    private static void S3Credentials()
    {
        Environment.SetEnvironmentVariable("AWS_ACCESS_KEY_ID", "S3RVER");
        Environment.SetEnvironmentVariable("AWS_SECRET_ACCESS_KEY", "S3RVER");
    }

    /// <summary>Files of artifacts that are not whole ones.</summary>
    private IEnumerable<string> Unfinished() => Directory.EnumerateFiles(Path.Combine(Processes.State, stores == "files" ? "artifacts" : "s3/fewshot"), "*", SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(Processes.State, path))
        .Where(path => stores == "files"
            ? !path.Contains("/.live/", StringComparison.Ordinal) && !Artifacts.Digest.TryParse("sha256:" + Path.GetFileName(path), out _)
            : !path.Contains("/artifacts/", StringComparison.Ordinal) && !path.Contains("/names/", StringComparison.Ordinal));
}
