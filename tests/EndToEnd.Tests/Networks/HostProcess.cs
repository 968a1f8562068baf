using System.Diagnostics;
using System.Net.Sockets;

namespace Fewshot.EndToEnd;

/// <summary>A program on a host of a network of its own; what it prints is in a file.</summary>
internal sealed class HostProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1), Poll = TimeSpan.FromMilliseconds(50);
    private readonly Process process;
    private readonly string log;

    public HostProcess(string host, string log, IEnumerable<(string Name, string Value)> environment, params IEnumerable<string> command)
    {
        this.log = log;
        // Each of these becomes the next: the process is the program itself in the end.
        var start = new ProcessStartInfo("sh", ["-c", "exec \"$@\" > \"$0\" 2>&1", log, .. PartableNetwork.On(host, command)]) { UseShellExecute = false };
        if (Environment.ProcessPath is { } dotnet && Path.GetFileNameWithoutExtension(dotnet) == "dotnet")
            start.Environment["DOTNET_ROOT"] = Path.GetDirectoryName(dotnet);
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        process = Process.Start(start)!;
    }

    /// <summary>What it has printed so far.</summary>
    public string Log
    {
        get
        {
            // The shell makes the file, a moment after it was started.
            if (!File.Exists(log))
                return "";
            using var reader = new StreamReader(new FileStream(log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            return reader.ReadToEnd();
        }
    }

    /// <summary>Waits until it listens.</summary>
    public async Task ListensAsync(string address, int port)
    {
        for (var begun = Stopwatch.GetTimestamp(); ;)
        {
            Assert.False(process.HasExited, $"{log}: {(process.HasExited ? Log : "")}");
            try
            {
                using var probe = new TcpClient();
                using var limit = new CancellationTokenSource(Patience);
                await probe.ConnectAsync(address, port, limit.Token);
                return;
            }
            catch (SocketException)
            {
                Assert.True(Stopwatch.GetElapsedTime(begun) < Patience, $"{log} does not listen at {address}:{port}: {Log}");
                await Task.Delay(Poll);
            }
        }
    }

    public void Dispose()
    {
        process.Kill(entireProcessTree: true);
        process.WaitForExit();
        process.Dispose();
    }
}
