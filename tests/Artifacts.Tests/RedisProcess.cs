using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text;
using Fewshot.Artifacts.Redis;

namespace Fewshot.Artifacts.Tests;

/// <summary>A real Redis with an append-only file in a folder of its own, on a free port of loopback. It ends with these tests however they end.</summary>
public sealed partial class RedisProcess : IAsyncLifetime, IDisposable
{
    private const int Kill9 = 9, Continue = 18, Stop = 19;
    private readonly TemporaryFolder folder = new();
    private Process? shell;
    private int pid;

    public int Port { get; } = FreePort();

    public RedisAddress Address => RedisAddress.Parse($"redis://127.0.0.1:{Port}");

    public async Task InitializeAsync()
    {
        // The shell waits for the end of its input, which comes when the tests end or are killed.
        var start = new ProcessStartInfo("sh")
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true,
            ArgumentList =
            {
                "-c", "\"$@\" </dev/null >/dev/null 2>&1 & redis=$!; echo $redis; cat >/dev/null; kill -9 $redis 2>/dev/null", "sh",
                "redis-server", "--port", Port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--dir", folder.Path, "--save", "", "--appendonly", "yes",
            },
        };
        shell = Process.Start(start)!;
        pid = int.Parse((await shell.StandardOutput.ReadLineAsync())!, CultureInfo.InvariantCulture);
        await Poll.UntilAsync(AnswersAsync);
    }

    /// <summary>Kills it at once, as a power cut of its machine would.</summary>
    public void Kill()
    {
        Assert.Equal(0, Signal(pid, Kill9));
        EndShell();
    }

    /// <summary>Freezes it: connections stand, nothing answers.</summary>
    public void Pause() => Assert.Equal(0, Signal(pid, Stop));

    public void Resume() => Assert.Equal(0, Signal(pid, Continue));

    public void Dispose()
    {
        EndShell();
        folder.Dispose();
    }

    Task IAsyncLifetime.DisposeAsync() => Task.CompletedTask;

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

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

    private void EndShell()
    {
        if (shell is null)
            return;
        shell.StandardInput.Close();
        shell.WaitForExit();
        shell.Dispose();
        shell = null;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Signal(int pid, int signal);
}
