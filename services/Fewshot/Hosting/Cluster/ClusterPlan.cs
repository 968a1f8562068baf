using System.Globalization;

namespace Fewshot.Cli.Hosting.Cluster;

/// <summary>A process that is to run.</summary>
/// <param name="Name">Such as <c>block-trial-2</c>.</param>
/// <param name="Program">Path, or a name on the PATH.</param>
/// <param name="Port">On loopback, where it listens.</param>
internal sealed record PlannedProcess(string Name, string Program, IReadOnlyList<string> Arguments, IReadOnlyDictionary<string, string> Environment, int Port)
{
    /// <summary>Done before each start.</summary>
    public Action Prepare { get; init; } = () => { };
}

/// <summary>Which processes a cluster has, in the order of starting: stores, workers, gateway.</summary>
internal static class ClusterPlan
{
    // What the test server of S3 takes for its one user.
    private const string S3User = "S3RVER", Bucket = "fewshot";

    // Its marks of where a list goes on, after 1000 objects, are encrypted with what OpenSSL 3 has put away.
    private static readonly Dictionary<string, string> S3Environment = new(StringComparer.Ordinal) { ["NODE_OPTIONS"] = "--openssl-legacy-provider" };

    /// <summary>Kind of worker, its program, and the gateway's list of their addresses.</summary>
    private static readonly (string Kind, string Program, string Key)[] Kinds =
    [
        ("latency-profiler", "Fewshot.LatencyProfiler", "LatencyProfilers"), ("image-synthesizer", "Fewshot.ImageSynthesizer", "ImageSynthesizers"),
        ("block-trial", "Fewshot.BlockTrial", "BlockTrials"), ("finetuner", "Fewshot.Finetuner", "Finetuners"),
    ];

    /// <param name="settings">What is wanted.</param>
    /// <param name="programs">Folder of the services.</param>
    /// <param name="s3Server">The S3 server's program; unused with files.</param>
    /// <param name="freePort">Gives another free port each time.</param>
    public static IReadOnlyList<PlannedProcess> Of(ClusterSettings settings, string programs, string s3Server, Func<int> freePort)
    {
        List<PlannedProcess> planned = [];
        Dictionary<string, string> shared = new(StringComparer.Ordinal) { ["DOTNET_PROCESSOR_COUNT"] = Text(settings.Threads), ["OMP_NUM_THREADS"] = Text(settings.Threads) };
        string? shares = null;
        if (settings.Stores == ClusterStores.Servers)
        {
            var (redis, s3) = (freePort(), freePort());
            planned.Add(new("redis", "redis-server",
                ["--port", Text(redis), "--bind", "127.0.0.1", "--appendonly", "yes", "--save", "", "--dir", Path.Combine(settings.State, "redis"), "--maxmemory-policy", "noeviction"],
                new Dictionary<string, string>(), redis));
            var folder = Path.Combine(settings.State, "s3");
            planned.Add(new("s3", s3Server,
                ["--address", "127.0.0.1", "--port", Text(s3), "--directory", folder, "--configure-bucket", Bucket, "--silent"], S3Environment, s3) { Prepare = () => Repair(folder) });
            shares = $"redis://127.0.0.1:{redis}";
            shared["Fewshot__Artifacts"] = $"s3://{Bucket}";
            shared["Fewshot__S3Endpoint"] = $"http://127.0.0.1:{s3}";
            shared["AWS_ACCESS_KEY_ID"] = shared["AWS_SECRET_ACCESS_KEY"] = S3User;
        }

        var gateway = new Dictionary<string, string>(shared, StringComparer.Ordinal);
        if (shares is not null)
            gateway["Gateway__Redis"] = shares;
        foreach (var (kind, program, key) in Kinds)
        {
            for (var i = 0; i < settings.Workers; i++)
            {
                var port = freePort();
                gateway[$"Gateway__{key}__{i}"] = $"http://127.0.0.1:{port}";
                planned.Add(Service($"{kind}-{i + 1}", program, $"http://127.0.0.1:{port}", port, shared));
            }
        }

        planned.Add(Service("gateway", "Fewshot.Gateway", settings.Listen.ToString().TrimEnd('/'), settings.Listen.Port, WithSilo(gateway)));
        for (var i = 1; i < settings.Gateways; i++)
        {
            var port = freePort();
            planned.Add(Service($"gateway-{i + 1}", "Fewshot.Gateway", $"http://127.0.0.1:{port}", port, WithSilo(gateway)));
        }

        return planned;

        // The same port each time it is started: the others know at once that its predecessor is gone.
        Dictionary<string, string> WithSilo(Dictionary<string, string> environment) =>
            new(environment, StringComparer.Ordinal) { ["Gateway__SiloPort"] = Text(freePort()) };

        PlannedProcess Service(string name, string program, string listen, int port, IReadOnlyDictionary<string, string> environment) => new(
            name, Path.Combine(programs, program), [],
            new Dictionary<string, string>(environment, StringComparer.Ordinal)
            {
                ["Fewshot__Listen"] = listen,
                // With servers each process has only its cache there.
                ["Fewshot__StateFolder"] = settings.Stores == ClusterStores.Files ? settings.State : Path.Combine(settings.State, name),
            },
            port);
    }

    /// <summary>
    /// An object's metadata that s3rver was killed before it wrote makes every call about that object, and every list with it, fail for good; without the
    /// file it does well.
    /// </summary>
    private static void Repair(string folder)
    {
        foreach (var file in new DirectoryInfo(folder).EnumerateFiles("*._S3rver_metadata.json", SearchOption.AllDirectories).Where(file => file.Length == 0))
            file.Delete();
    }

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
