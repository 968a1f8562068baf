using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Fewshot.EndToEnd;

/// <summary>A real <c>fewshot cluster</c> with short leases, whose processes can be killed and stopped.</summary>
internal sealed class RunningCluster : IDisposable
{
    // A killed process's lease is waited for.
    public static readonly (string Name, string Value)[] ShortLeases =
        [("Gateway__ReclaimInterval", "00:00:01")];

    private readonly TemporaryFolder folder = new();
    private readonly FewshotProcess program;
    private readonly JsonDocument started;

    /// <param name="workers">Of each kind.</param>
    /// <param name="stores">servers or files.</param>
    /// <param name="gateways">How many.</param>
    /// <param name="prepare">Is given the state folder before anything starts.</param>
    public RunningCluster(int workers, string stores, int gateways = 1, Action<string>? prepare = null)
    {
        Gateway = FreeAddress();
        prepare?.Invoke(State);
        program = FewshotProcess.StartWith(
            ShortLeases,
            "cluster", "--workers", $"{workers}", "--gateways", $"{gateways}", "--stores", stores, "--threads", "1", "--listen", Gateway, "--state", State, "--json");
        started = JsonDocument.Parse(program.WaitForLine(line => line.Contains("processes", StringComparison.Ordinal)));
        foreach (var one in started.RootElement.GetProperty("processes").EnumerateArray())
            Processes.Add(one.GetProperty("name").GetString()!, (one.GetProperty("process").GetInt32(), one.GetProperty("port").GetInt32()));
    }

    /// <summary>Address of the first one.</summary>
    public string Gateway { get; }

    /// <summary>Addresses of all.</summary>
    public IEnumerable<string> Gateways => Processes.Where(one => one.Key.StartsWith("gateway", StringComparison.Ordinal)).Select(one => $"http://127.0.0.1:{one.Value.Port}");

    /// <summary>The folder of everything that its processes write.</summary>
    public string State => folder["cluster"];

    /// <summary>By name: process and port as they were started first.</summary>
    public Dictionary<string, (int Id, int Port)> Processes { get; } = [];

    /// <summary>Sends a signal to one of the processes.</summary>
    public void Signal(string name, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{Processes[name].Id}"]);
        kill.WaitForExit();
        var last = string.Join('\n', Log(name).Split('\n').TakeLast(60));
        Assert.True(kill.ExitCode == 0, $"{name} has ended by itself; its log ends with:\n{last}");
    }

    /// <summary>Kills one and waits until it is started again.</summary>
    public void Kill(string name) => End(name, "KILL");

    /// <summary>Asks one to end, as Kubernetes does, and waits until it is started again.</summary>
    public void Replace(string name) => End(name, "TERM");

    /// <summary>What one has logged so far.</summary>
    public string Log(string name)
    {
        using var reader = new StreamReader(new FileStream(Path.Combine(State, "logs", name + ".log"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd();
    }

    private void End(string name, string signal)
    {
        Signal(name, signal);
        var line = program.WaitForLine(line => line.Contains($"{name} (", StringComparison.Ordinal) && line.Contains("started again", StringComparison.Ordinal));
        var id = int.Parse(line.Split("started again as process ")[1].Split('"')[0]);
        Processes[name] = (id, Processes[name].Port);
    }

    /// <summary>Ends it as Ctrl-C does; nothing may be left running.</summary>
    public void Stop()
    {
        program.PressControlC();
        var ended = program.Wait();
        Assert.True(ended.ExitCode == 0, ended.ToString());
        Assert.All(Processes, one => Assert.False(Runs(one.Value.Id, one.Value.Port), one.ToString()));
    }

    public void Dispose()
    {
        program.Dispose();
        started.Dispose();
        foreach (var (id, port) in Processes.Values.Where(one => Runs(one.Id, one.Port)))
            Process.GetProcessById(id).Kill();
        folder.Dispose();
    }

    public static string FreeAddress()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return $"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}";
    }

    // A number may have become another process's: its environment or arguments name the port.
    private static bool Runs(int id, int port)
    {
        try
        {
            return (File.ReadAllText($"/proc/{id}/environ") + File.ReadAllText($"/proc/{id}/cmdline")).Contains($"{port}", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }
}
