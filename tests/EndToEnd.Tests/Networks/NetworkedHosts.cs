namespace Fewshot.EndToEnd;

/// <summary>Two gateways, their workers, Redis and an S3 server, each on a host of its own in one network.</summary>
internal sealed class NetworkedHosts : IDisposable
{
    private const int RedisPort = 6379, StorePort = 9000, ServicePort = 5210;

    /// <summary>Workers by their hosts: their programs, and the gateways' lists of them.</summary>
    private static readonly (string Host, string Program, string Key)[] Workers =
    [
        ("profiler", "Fewshot.LatencyProfiler", "LatencyProfilers__0"), ("synthesizer", "Fewshot.ImageSynthesizer", "ImageSynthesizers__0"),
        ("trial-1", "Fewshot.BlockTrial", "BlockTrials__0"), ("trial-2", "Fewshot.BlockTrial", "BlockTrials__1"),
        ("finetuner-1", "Fewshot.Finetuner", "Finetuners__0"), ("finetuner-2", "Fewshot.Finetuner", "Finetuners__1"),
    ];

    private readonly TemporaryFolder folder;
    private readonly Dictionary<string, HostProcess> processes = [];

    // Made when the network could be: nothing is left where it could not.
    private NetworkedHosts()
    {
        Network = new(["redis", "s3", .. Workers.Select(worker => worker.Host), .. GatewayHosts]);
        folder = new();
    }

    public static string[] GatewayHosts { get; } = ["gateway-1", "gateway-2"];

    public PartableNetwork Network { get; }

    public IEnumerable<string> Gateways => GatewayHosts.Select(UrlOf);

    public string Redis => $"redis://{Network.AddressOf("redis")}:{RedisPort}";

    public string Store => $"http://{Network.AddressOf("s3")}:{StorePort}";

    /// <param name="environment">For all services.</param>
    /// <exception cref="NotSupportedException">Networks cannot be made here; the message says why.</exception>
    public static async Task<NetworkedHosts> StartedAsync(IReadOnlyList<(string Name, string Value)> environment)
    {
        var hosts = new NetworkedHosts();
        try
        {
            await hosts.StartAsync(environment);
            return hosts;
        }
        catch
        {
            hosts.Dispose();
            throw;
        }
    }

    public string UrlOf(string host) => $"http://{Network.AddressOf(host)}:{ServicePort}";

    /// <summary>Those hosts of a kind, such as <c>finetuner</c>, whose log says this.</summary>
    public IEnumerable<string> Saying(string kind, string text) =>
        processes.Where(one => one.Key.StartsWith(kind, StringComparison.Ordinal) && one.Value.Log.Contains(text, StringComparison.Ordinal)).Select(one => one.Key);

    /// <summary>What every host has printed.</summary>
    public string Logs() => string.Join('\n', processes.Select(one => $"--- {one.Key}\n{one.Value.Log}"));

    public void Dispose()
    {
        foreach (var process in processes.Values)
            process.Dispose();
        Network.Dispose();
        folder.Dispose();
    }

    private async Task StartAsync(IReadOnlyList<(string Name, string Value)> environment)
    {
        foreach (var name in new[] { "redis", "s3" })
            Directory.CreateDirectory(folder[name]);
        Start("redis", [], "redis-server", "--bind", Network.AddressOf("redis"), "--port", $"{RedisPort}", "--protected-mode", "no", "--appendonly", "yes", "--save", "", "--dir", folder["redis"]);
        Start("s3", [("NODE_OPTIONS", "--openssl-legacy-provider")], S3Server(), "--address", Network.AddressOf("s3"), "--port", $"{StorePort}", "--directory", folder["s3"], "--configure-bucket", "fewshot", "--silent");
        await processes["redis"].ListensAsync(Network.AddressOf("redis"), RedisPort);
        await processes["s3"].ListensAsync(Network.AddressOf("s3"), StorePort);
        foreach (var (host, program, _) in Workers)
            StartService(host, program, environment);
        foreach (var host in GatewayHosts)
            StartService(host, "Fewshot.Gateway", [.. environment, .. Workers.Select(worker => ($"Gateway__{worker.Key}", UrlOf(worker.Host)))], again: true);
        await Task.WhenAll(processes.Keys.Except(["redis", "s3"]).Select(host => processes[host].ListensAsync(Network.AddressOf(host), ServicePort)));
    }

    /// <param name="again">Whether it is started again when it has ended: a gateway that the others take for dead ends itself.</param>
    private void StartService(string host, string program, IEnumerable<(string Name, string Value)> environment, bool again = false) => Start(
        host,
        [
            .. environment, ("Fewshot__Listen", UrlOf(host)), ("Fewshot__Insecure", "true"), ("Fewshot__StateFolder", folder[$"{host}-state"]),
            ("Gateway__Redis", Redis), ("Fewshot__Artifacts", "s3://fewshot"), ("Fewshot__S3Endpoint", Store),
            ("AWS_ACCESS_KEY_ID", "S3RVER"), ("AWS_SECRET_ACCESS_KEY", "S3RVER"), ("DOTNET_PROCESSOR_COUNT", "1"), ("OMP_NUM_THREADS", "1"),
        ],
        again
            ? ["sh", "-c", "while :; do \"$0\"; done", Path.Combine(Path.GetDirectoryName(Places.Program)!, program)]
            : [Path.Combine(Path.GetDirectoryName(Places.Program)!, program)]);

    private void Start(string host, IEnumerable<(string Name, string Value)> environment, params IEnumerable<string> command) =>
        processes.Add(host, new HostProcess(host, folder[$"{host}.log"], environment, command));

    private static string S3Server()
    {
        var program = Path.Combine(Places.Root, "artifacts", "s3rver", "node_modules", ".bin", "s3rver");
        return File.Exists(program) ? program : "s3rver";
    }
}
