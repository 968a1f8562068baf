using System.Diagnostics;

namespace Fewshot.Artifacts.Tests;

/// <summary>Another process that holds a file's lock until it is killed, as a worker holds its mark.</summary>
public sealed class OtherProcess : IDisposable
{
    private readonly Process process;

    private OtherProcess(Process process) => this.process = process;

    public static OtherProcess Holding(string path)
    {
        // flock execs the shell, which says that it has started and then waits for an end of input that only a kill brings.
        var start = new ProcessStartInfo("flock", ["--no-fork", path, "sh", "-c", "echo held; exec cat"]) 
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true,
        };
        var started = Process.Start(start)!;
        Assert.Equal("held", started.StandardOutput.ReadLine());
        return new OtherProcess(started);
    }

    public void Kill()
    {
        process.Kill();
        process.WaitForExit();
    }

    public void Dispose()
    {
        Kill();
        process.Dispose();
    }
}
