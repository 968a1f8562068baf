using System.Globalization;

namespace Fewshot.EndToEnd;

/// <summary>
/// Hosts with network namespaces of their own around a router, which can part any two of them: connections stand, packets vanish without a word. The
/// tests' own process takes part as <see cref="Tests"/>, from outside. Names carry its id, so that two runs do not meet.
/// </summary>
internal sealed class PartableNetwork : IDisposable
{
    /// <summary>The tests' own process among the hosts.</summary>
    public const string Tests = "tests";

    private const string Prefix = "fewshot", Router = "router";

    // Of the range that is set apart for tests of networks (RFC 2544), 256 addresses, four for each host.
    private const int Subnets = 512;
    private static readonly string Mine = $"{Prefix}{Environment.ProcessId}";
    private readonly List<string> hosts = [Tests];
    private readonly string subnet;

    /// <param name="names">Hosts.</param>
    /// <exception cref="NotSupportedException">This machine, or this user, cannot; the message says why.</exception>
    public PartableNetwork(IEnumerable<string> names)
    {
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root")
            throw new NotSupportedException("network namespaces can be made by root on Linux only");
        Sweep();
        try
        {
            Need("netns", "add", NamespaceOf(Router));
            Need("-n", NamespaceOf(Router), "rule", "add", "pref", "1", "from", "192.0.2.1", "blackhole");
            Need("netns", "exec", NamespaceOf(Router), "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
            Need("link", "add", "name", Mine, "type", "veth", "peer", "name", "to0", "netns", NamespaceOf(Router));
            Need("link", "set", "dev", Mine, "up");
            subnet = FreeSubnet();
            Iproute.Run("-n", NamespaceOf(Router), "addr", "add", $"{subnet}.1/30", "dev", "to0");
            Iproute.Run("-n", NamespaceOf(Router), "link", "set", "dev", "to0", "up");
            foreach (var name in names)
                Add(name);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string AddressOf(string host) => $"{subnet}.{(4 * hosts.IndexOf(host)) + 2}";

    /// <summary>A command line that runs a program on a host.</summary>
    public static string[] On(string host, params IEnumerable<string> command) => [Iproute.Program, "netns", "exec", NamespaceOf(host), .. command];

    /// <summary>From now on nothing passes between the two, in either direction.</summary>
    public void Part(string one, string other) => Change("add", one, other);

    /// <summary>Takes <see cref="Part"/> back.</summary>
    public void Heal(string one, string other) => Change("del", one, other);

    /// <summary>How many packets have vanished so far; what is just on its way may count.</summary>
    public static long Vanished()
    {
        var lines = Iproute.Run("netns", "exec", NamespaceOf(Router), "cat", "/proc/net/snmp").Split('\n').Where(line => line.StartsWith("Ip:", StringComparison.Ordinal)).ToArray();
        var counts = lines[0].Split(' ').Zip(lines[1].Split(' ')).Skip(1).ToDictionary(pair => pair.First, pair => long.Parse(pair.Second, CultureInfo.InvariantCulture));
        return counts["InReceives"] - counts["ForwDatagrams"] - counts["InDelivers"];
    }

    public void Dispose()
    {
        // Interfaces go with the namespaces that their other ends are in.
        foreach (var host in hosts.Skip(1).Append(Router))
            Iproute.TryRun(out _, "netns", "del", NamespaceOf(host));
    }

    private static string NamespaceOf(string host) => $"{Mine}-{host}";

    /// <summary>Removes what killed runs have left.</summary>
    private static void Sweep()
    {
        if (!Iproute.TryRun(out var listed, "netns", "list"))
            throw new NotSupportedException($"network namespaces cannot be listed: {listed}");
        foreach (var name in listed.Split('\n').Select(line => line.Split(' ')[0]).Where(name => name.StartsWith(Prefix, StringComparison.Ordinal)))
        {
            if (!int.TryParse(name[Prefix.Length..].Split('-')[0], CultureInfo.InvariantCulture, out var owner) || (owner != Environment.ProcessId && Directory.Exists($"/proc/{owner}")))
                continue;
            foreach (var id in Need("netns", "pids", name).Split('\n', StringSplitOptions.RemoveEmptyEntries))
                End(int.Parse(id, CultureInfo.InvariantCulture));
            Need("netns", "del", name);
        }
    }

    private static void End(int id)
    {
        try
        {
            using var left = System.Diagnostics.Process.GetProcessById(id);
            left.Kill();
        }
        catch (ArgumentException)
        {
            // It has just ended by itself.
        }
    }

    private static string Need(params string[] arguments)
    {
        if (!Iproute.TryRun(out var said, arguments))
            throw new NotSupportedException($"network namespaces do not work here: {said.Trim()}");
        return said;
    }

    /// <summary>One that no route leads to yet, with the way to it.</summary>
    private static string FreeSubnet()
    {
        for (var i = 0; i < Subnets; i++)
        {
            var number = (Environment.ProcessId + i) % Subnets;
            var free = string.Create(CultureInfo.InvariantCulture, $"198.{18 + (number / 256)}.{number % 256}");
            if (!Iproute.TryRun(out _, "route", "add", $"{free}.0/24", "dev", Mine))
                continue;
            Iproute.Run("addr", "add", $"{free}.2/30", "dev", Mine);
            Iproute.Run("route", "replace", $"{free}.0/24", "via", $"{free}.1");
            return free;
        }

        throw new InvalidOperationException("No network is free of 198.18.0.0/15.");
    }

    private void Add(string name)
    {
        var (space, first) = (NamespaceOf(name), 4 * hosts.Count);
        var link = $"to{hosts.Count}";
        hosts.Add(name);
        Iproute.Run("netns", "add", space);
        Iproute.Run("-n", NamespaceOf(Router), "link", "add", "name", link, "type", "veth", "peer", "name", "eth0", "netns", space);
        Iproute.Run("-n", NamespaceOf(Router), "addr", "add", $"{subnet}.{first + 1}/30", "dev", link);
        Iproute.Run("-n", NamespaceOf(Router), "link", "set", "dev", link, "up");
        Iproute.Run("-n", space, "link", "set", "dev", "lo", "up");
        Iproute.Run("-n", space, "addr", "add", $"{subnet}.{first + 2}/30", "dev", "eth0");
        Iproute.Run("-n", space, "link", "set", "dev", "eth0", "up");
        Iproute.Run("-n", space, "route", "add", "default", "via", $"{subnet}.{first + 1}");
    }

    private void Change(string how, string one, string other)
    {
        // Before the rules that know a way. No answer is given to what meets it: no reset, no "unreachable".
        foreach (var (from, to) in new[] { (one, other), (other, one) })
            Iproute.Run("-n", NamespaceOf(Router), "rule", how, "pref", "10", "from", AddressOf(from), "to", AddressOf(to), "blackhole");
    }
}
