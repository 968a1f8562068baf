using System.Collections.Concurrent;
using Fewshot.Compression.V1;
using Fewshot.Histories;
using Fewshot.ServiceDefaults;

namespace Fewshot.EndToEnd;

/// <summary>The client of a cluster that is disturbed, the jobs it gives it, and the history of what comes of them, which is checked at the end.</summary>
internal abstract class DisturbedJobs : IAsyncDisposable
{
    private readonly ConcurrentBag<Task<Job>> watched = [];
    private readonly ConcurrentBag<(string Job, CompressionSpec Spec, string[] States)> expected = [];
    private readonly Undisturbed undisturbed;
    private int requests;

    /// <param name="undisturbed">Knows what jobs must make.</param>
    /// <param name="gateways">Their addresses.</param>
    /// <param name="silence">After which the client goes on with the next gateway.</param>
    protected DisturbedJobs(Undisturbed undisturbed, IEnumerable<string> gateways, TimeSpan? silence = null)
    {
        this.undisturbed = undisturbed;
        History = new History(Folder["history.jsonl"]);
        Client = silence is { } limit ? new RecordingClient(History, gateways) { Silence = limit } : new RecordingClient(History, gateways);
    }

    public History History { get; }

    public RecordingClient Client { get; }

    /// <summary>For what is written down and looked at here.</summary>
    protected TemporaryFolder Folder { get; } = new();

    /// <summary>Submits a job of this seed and watches it.</summary>
    /// <param name="seed">Another job for another one.</param>
    /// <param name="seen">Hears of its events.</param>
    /// <param name="states">What it may end in; succeeded where nothing is given.</param>
    /// <param name="trialIterations">How long each trial takes.</param>
    /// <param name="finetuneIterations">How long the finetuning takes.</param>
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

    /// <summary>Writes down what is recorded now.</summary>
    public async Task SampleAsync()
    {
        await using var shared = Open();
        await shared.SampleAsync(Client.Steps.Keys);
    }

    /// <summary>The artifacts, names and jobs of the cluster.</summary>
    public SharedStores Open() => new(History, UseStores, Redis);

    /// <summary>Waits for every job, makes their models undisturbed, collects, and checks the history.</summary>
    public virtual async Task CheckAsync()
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
    }

    public virtual ValueTask DisposeAsync()
    {
        Client.Dispose();
        History.Dispose();
        Folder.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Where the cluster's stores are.</summary>
    /// <summary>The gateways' Redis; null where there is none.</summary>
    protected abstract string? Redis { get; }

    protected abstract void UseStores(FewshotOptions options);

    /// <summary>The only ones that the S3 server takes, where the SDK looks for them.</summary>
    protected static void UseS3Credentials()
    {
        Environment.SetEnvironmentVariable("AWS_ACCESS_KEY_ID", "S3RVER");
        Environment.SetEnvironmentVariable("AWS_SECRET_ACCESS_KEY", "S3RVER");
    }
}
