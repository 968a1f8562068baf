using Fewshot.ServiceDefaults;

namespace Fewshot.EndToEnd;

/// <summary>A cluster of real processes that can be killed, and its jobs.</summary>
internal sealed class DisturbedCluster : DisturbedJobs
{
    private readonly string stores;

    /// <param name="undisturbed">Knows what jobs must make.</param>
    /// <param name="workers">Of each kind.</param>
    /// <param name="gateways">How many.</param>
    /// <param name="stores">servers or files.</param>
    /// <param name="prepare">Is given the state folder before anything starts.</param>
    public DisturbedCluster(Undisturbed undisturbed, int workers = 2, int gateways = 1, string stores = "servers", Action<string>? prepare = null)
        : this(undisturbed, new RunningCluster(workers, stores, gateways, prepare), stores)
    {
    }

    private DisturbedCluster(Undisturbed undisturbed, RunningCluster processes, string stores)
        : base(undisturbed, processes.Gateways) => (Processes, this.stores) = (processes, stores);

    public RunningCluster Processes { get; }

    /// <summary>Every kind of process that can be killed and comes again, by name.</summary>
    public IEnumerable<string> Workers => Processes.Processes.Keys.Where(name => name is not ("redis" or "s3") && !name.StartsWith("gateway", StringComparison.Ordinal));

    public override async Task CheckAsync()
    {
        try
        {
            await base.CheckAsync();
        }
        catch (Xunit.Sdk.XunitException e)
        {
            // The logs are deleted with the test's folder, so the failure quotes the gateways' warnings and errors.
            var gateways = Processes.Processes.Keys.Where(name => name.StartsWith("gateway", StringComparison.Ordinal));
            throw new Xunit.Sdk.XunitException(string.Join('\n', gateways.SelectMany(Warnings).Prepend(e.Message)), e);
        }

        Assert.Empty(Unfinished());
        Processes.Stop();
    }

    public override async ValueTask DisposeAsync()
    {
        Processes.Dispose();
        await base.DisposeAsync();
    }

    protected override string? Redis => stores == "files" ? null : $"redis://127.0.0.1:{Processes.Processes["redis"].Port}";

    protected override void UseStores(FewshotOptions options)
    {
        options.StateFolder = stores == "files" ? Processes.State : Folder["looking"];
        if (stores == "files")
            return;
        UseS3Credentials();
        options.Artifacts = "s3://fewshot";
        options.S3Endpoint = $"http://127.0.0.1:{Processes.Processes["s3"].Port}";
    }

    private IEnumerable<string> Warnings(string process) => Processes.Log(process).Split('\n')
        .Where(line => !line.Contains(" info ", StringComparison.Ordinal)).TakeLast(30).Select(line => $"{process}: {line}");

    /// <summary>Files of artifacts that are not whole ones.</summary>
    private IEnumerable<string> Unfinished() => Directory.EnumerateFiles(Path.Combine(Processes.State, stores == "files" ? "artifacts" : "s3/fewshot"), "*", SearchOption.AllDirectories)
        .Select(path => Path.GetRelativePath(Processes.State, path))
        .Where(path => stores == "files"
            ? !path.Contains("/.live/", StringComparison.Ordinal) && !Artifacts.Digest.TryParse("sha256:" + Path.GetFileName(path), out _)
            : !path.Contains("/artifacts/", StringComparison.Ordinal) && !path.Contains("/names/", StringComparison.Ordinal));
}
