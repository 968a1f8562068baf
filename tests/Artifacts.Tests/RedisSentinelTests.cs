using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Fewshot.Artifacts.Redis;

namespace Fewshot.Artifacts.Tests;

/// <summary>A primary with a replica, and three Sentinels that make the replica the primary when the first is killed.</summary>
public sealed class RedisSentinelTests : IAsyncLifetime, IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly RedisProcess primary = new(), replica = new();
    private readonly List<ServerProcess> sentinels = [];
    private string address = "";

    public async Task InitializeAsync()
    {
        await primary.InitializeAsync();
        await replica.InitializeAsync();
        Assert.Equal("+OK", await replica.CommandAsync(string.Create(CultureInfo.InvariantCulture, $"REPLICAOF 127.0.0.1 {primary.Port}")));
        var ports = Enumerable.Range(0, 3).Select(_ => ServerProcess.FreePort()).ToArray();
        foreach (var port in ports)
        {
            // Sentinels write what they learn into their file.
            var file = Path.Combine(folder.Path, string.Create(CultureInfo.InvariantCulture, $"{port}.conf"));
            await File.WriteAllTextAsync(file, string.Create(CultureInfo.InvariantCulture, $"""
                port {port}
                bind 127.0.0.1
                sentinel monitor jobs 127.0.0.1 {primary.Port} 2
                sentinel down-after-milliseconds jobs 500
                sentinel failover-timeout jobs 2000
                """));
            sentinels.Add(new ServerProcess("redis-server", file, "--sentinel"));
        }

        address = $"redis://{string.Join(',', ports.Select(port => $"127.0.0.1:{port}"))}/0?sentinel=jobs";
        await Poll.UntilAsync(() => IsSeenByAllAsync(ports));
    }

    Task IAsyncLifetime.DisposeAsync() => Task.CompletedTask;

    public void Dispose()
    {
        sentinels.ForEach(one => one.Dispose());
        primary.Dispose();
        replica.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task Run_PrimaryDies_GoesOnAtItsSuccessor()
    {
        using var server = new RedisServer(RedisAddress.Parse(address), TimeSpan.FromSeconds(30));
        await server.RunAsync(database => database.StringSetAsync("kept", "before"));
        await Poll.UntilAsync(async () => await replica.CommandAsync("EXISTS kept") == ":1");
        primary.Kill();
        Assert.True(await server.RunAsync(database => database.StringSetAsync("kept", "after")));
        Assert.Equal("after", (string?)await server.RunAsync(database => database.StringGetAsync("kept")));
        Assert.Equal("*3", await replica.CommandAsync("ROLE"));
    }

    /// <summary>Each knows the replica and the other two: before that there is no majority for a successor, or none to choose.</summary>
    private static async Task<bool> IsSeenByAllAsync(int[] ports)
    {
        foreach (var port in ports)
        {
            if (!(await PrimaryAsSeenByAsync(port)).EndsWith("slaves=1,sentinels=3", StringComparison.Ordinal))
                return false;
        }

        return true;
    }

    private static async Task<string> PrimaryAsSeenByAsync(int port)
    {
        try
        {
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, port);
            await client.GetStream().WriteAsync("INFO sentinel\r\n"u8.ToArray());
            using var reader = new StreamReader(client.GetStream());
            var line = "";
            while (line is not null && !line.StartsWith("master0:", StringComparison.Ordinal))
                line = await reader.ReadLineAsync();
            return line ?? "";
        }
        catch (SocketException)
        {
            return "";
        }
    }
}
