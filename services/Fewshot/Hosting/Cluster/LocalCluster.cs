using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Fewshot.Artifacts;

namespace Fewshot.Cli.Hosting.Cluster;

/// <summary>The services as separate processes of this machine, kept running: one that ends is started again.</summary>
internal sealed class LocalCluster : IAsyncDisposable
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(200);
    private readonly List<ClusterProcess> processes = [];
    private readonly FileStream guard;

    private LocalCluster(FileStream guard) => this.guard = guard;

    /// <summary>In the order of starting.</summary>
    public IReadOnlyList<ClusterProcess> Processes => processes;

    /// <exception cref="CommandException">A program is missing, a port taken, or another cluster has the folder.</exception>
    public static async Task<LocalCluster> StartAsync(ClusterSettings settings, CancellationToken ct)
    {
        var logs = Path.Combine(settings.State, "logs");
        foreach (var folder in new[] { "logs", "redis", "s3" })
            DurableFolder.CreatePrivate(Path.Combine(settings.State, folder));
        var s3 = settings.Stores == ClusterStores.Servers ? ServerPrograms.Find() : "";
        var cluster = new LocalCluster(Guard(settings.State));
        try
        {
            foreach (var rank in ClusterPlan.Of(settings, AppContext.BaseDirectory, s3, FreePort).GroupBy(plan => Rank(plan.Name)).OrderByDescending(group => group.Key))
            {
                cluster.processes.AddRange(rank.Select(plan => new ClusterProcess(plan, logs)).ToArray());
                cluster.Remember();
                await Task.WhenAll(cluster.processes.Select(process => process.ListensAsync(ct)));
            }

            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts again what ends, until the token ends it.</summary>
    /// <param name="told">Hears of each restart.</param>
    public async Task KeepRunningAsync(Action<string> told, CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            foreach (var process in processes)
            {
                if (process.Ended is not { } code)
                    continue;
                var was = process.Id;
                await process.RestartAsync(ct);
                Remember();
                told($"{process.Name} (process {was}) ended with code {code}; started again as process {process.Id}");
            }

            await Task.Delay(Poll, ct);
        }
    }

    /// <summary>Ends the gateways, then the workers, which write their checkpoints, then the stores.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var rank in processes.AsEnumerable().Reverse().GroupBy(process => Rank(process.Name)).OrderBy(group => group.Key))
            await Task.WhenAll(rank.Select(process => process.StopAsync()));
        foreach (var process in processes)
            process.Dispose();
        guard.SetLength(0);
        await guard.DisposeAsync();
    }

    /// <summary>Lower ones need the higher ones.</summary>
    private static int Rank(string name) => name switch
    {
        "redis" or "s3" => 2,
        _ => name.StartsWith("gateway", StringComparison.Ordinal) ? 0 : 1,
    };

    /// <summary>Holds the folder, and ends what a killed predecessor left running in it.</summary>
    private static FileStream Guard(string state)
    {
        FileStream file;
        try
        {
            file = new FileStream(Path.Combine(state, "cluster.pids"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e)
        {
            throw new CommandException(ExitCodes.Unavailable, $"--state: another cluster runs in {state}; stop it or choose another folder", e);
        }

        using var reader = new StreamReader(file, leaveOpen: true);
        while (reader.ReadLine() is { } line)
        {
            var (id, port) = line.Split(' ') is [var first, var second] ? (first, second) : ("", "");
            // Only where the number is still that process: its environment or arguments name its port.
            if (int.TryParse(id, CultureInfo.InvariantCulture, out var pid) && Leftover.Is(pid, port))
                Leftover.End(pid);
        }

        return file;
    }

    private void Remember()
    {
        guard.SetLength(0);
        using var writer = new StreamWriter(guard, leaveOpen: true);
        foreach (var process in processes)
            writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{process.Id} {process.Port}"));
    }

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
