using System.ComponentModel;
using System.Diagnostics;

namespace Fewshot.EndToEnd;

/// <summary>The program that sets up networks.</summary>
internal static class Iproute
{
    public const string Program = "ip";

    /// <returns>What it printed.</returns>
    public static string Run(params string[] arguments)
    {
        Assert.True(TryRun(out var said, arguments), $"ip {string.Join(' ', arguments)}: {said}");
        return said;
    }

    /// <param name="said">What it printed, or why it failed.</param>
    /// <param name="arguments">What it is to do.</param>
    /// <returns>Whether it did it.</returns>
    public static bool TryRun(out string said, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(Program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!;
            var error = process.StandardError.ReadToEndAsync();
            said = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode != 0)
                said = error.GetAwaiter().GetResult();
            return process.ExitCode == 0;
        }
        catch (Win32Exception e)
        {
            said = $"ip (iproute2) is not there: {e.Message}";
            return false;
        }
    }
}
