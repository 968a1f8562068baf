using System.Diagnostics;

namespace Fewshot.Cli.Hosting.Cluster;

/// <summary>Processes that a killed cluster has left behind.</summary>
internal static class Leftover
{
    /// <summary>Whether a process is the one that listened on this port: its environment or its arguments say so.</summary>
    public static bool Is(int pid, string port)
    {
        try
        {
            var about = File.ReadAllText($"/proc/{pid}/environ") + '\0' + File.ReadAllText($"/proc/{pid}/cmdline");
            return about.Split('\0').Any(part => part == port || part.EndsWith($":{port}", StringComparison.Ordinal));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false; // gone, or another user's
        }
    }

    /// <summary>Ends it and waits.</summary>
    public static void End(int pid)
    {
        try
        {
            using var process = Process.GetProcessById(pid);
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
        }
        catch (ArgumentException)
        {
            // It has just ended by itself.
        }
    }
}
