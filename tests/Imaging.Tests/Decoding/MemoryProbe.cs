using System.Diagnostics;

namespace Fewshot.Imaging.Tests;

/// <summary>Tests that watch the memory of the process run alone.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class MemoryTests
{
    public const string Name = "memory";
}

/// <summary>Memory that an action needs, of this process and of what libvips counts.</summary>
public static class MemoryProbe
{
    private const string ResetPeak = "/proc/self/clear_refs";

    /// <summary>
    /// By how many bytes the process grows at its worst moment: resident memory where the system can be asked to measure anew, else what
    /// was allocated.
    /// </summary>
    public static long PeakGrowth(Action action)
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        var vips = NetVips.Stats.MemHighwater;
        var resident = 0L;
        var measures = OperatingSystem.IsLinux() && TryReset();
        using (var process = Process.GetCurrentProcess())
            resident = process.WorkingSet64;
        action();
        var growth = (long)(NetVips.Stats.MemHighwater - vips);
        if (!measures)
            return Math.Max(growth, GC.GetTotalAllocatedBytes(precise: true) - allocated);
        using (var process = Process.GetCurrentProcess())
            return Math.Max(growth, process.PeakWorkingSet64 - resident);
    }

    private static bool TryReset()
    {
        try
        {
            File.WriteAllText(ResetPeak, "5");
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
