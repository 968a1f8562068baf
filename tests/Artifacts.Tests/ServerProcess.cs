using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Fewshot.Artifacts.Tests;

/// <summary>A server that the tests start. It ends with them, however they end.</summary>
public sealed partial class ServerProcess : IDisposable
{
    private const int Kill9 = 9, Continue = 18, Stop = 19;
    private readonly Process shell;
    private readonly int pid;

    public ServerProcess(string program, params string[] arguments)
    {
        // The shell waits for the end of its input, which comes when the tests end or are killed.
        var start = new ProcessStartInfo("sh")
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true,
            ArgumentList = { "-c", "\"$@\" </dev/null >/dev/null 2>&1 & server=$!; echo $server; cat >/dev/null; kill -9 $server 2>/dev/null", "sh", program },
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        shell = Process.Start(start)!;
        pid = int.Parse(shell.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture);
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>As a power cut of its machine would.</summary>
    public void Kill()
    {
        Assert.Equal(0, Signal(pid, Kill9));
        Dispose();
    }

    /// <summary>Freezes it: connections stand, nothing answers.</summary>
    public void Pause() => Assert.Equal(0, Signal(pid, Stop));

    public void Resume() => Assert.Equal(0, Signal(pid, Continue));

    public void Dispose()
    {
        shell.StandardInput.Close();
        shell.WaitForExit();
        shell.Dispose();
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Signal(int pid, int signal);
}
