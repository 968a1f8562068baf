using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Fewshot.Artifacts.Redis;

namespace Fewshot.Artifacts.Tests;

/// <summary>A real Redis with an append-only file in a folder of its own, on a free port of loopback.</summary>
public sealed class RedisProcess : IAsyncLifetime, IDisposable
{
    private readonly TemporaryFolder folder = new();
    private ServerProcess? process;

    public int Port { get; } = ServerProcess.FreePort();

    public RedisAddress Address => RedisAddress.Parse($"redis://127.0.0.1:{Port}");

    /// <summary>Starts it, also again, with what it wrote before.</summary>
    public async Task InitializeAsync()
    {
        process = new ServerProcess(
            "redis-server", "--port", Port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--dir", folder.Path, "--save", "", "--appendonly", "yes",
            // A background fsync of a busy disk holds writes back, which a kill then loses: a power cut is not what is tried here.
            "--appendfsync", "no");
        await Poll.UntilAsync(AnswersAsync);
    }

    public void Kill()
    {
        process!.Kill();
        process = null;
    }

    public void Pause() => process!.Pause();

    public void Resume() => process!.Resume();

    public void Dispose()
    {
        process?.Dispose();
        folder.Dispose();
    }

    Task IAsyncLifetime.DisposeAsync() => Task.CompletedTask;

    /// <summary>Sends one command without any client and gives back the answer's first line.</summary>
    public async Task<string> CommandAsync(string command)
    {
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, Port);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(command + "\r\n"));
        using var reader = new StreamReader(client.GetStream());
        return await reader.ReadLineAsync() ?? "";
    }

    private async Task<bool> AnswersAsync()
    {
        try
        {
            return await CommandAsync("PING") == "+PONG";
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            return false;
        }
    }
}
