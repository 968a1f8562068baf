using System.Runtime.InteropServices;

namespace TorchSharp.Interop;

/// <summary>
/// What a process needs before libtorch is in it, because libgomp reads its variables once. Idle pool threads that spin too long starve each other on few
/// cores, and returning large blocks to the kernel costs page faults at every step. Whatever the user has set is left alone.
/// </summary>
internal static class ProcessSettings
{
    private const int SpinCount = 10_000;
    private const int TopPadBytes = 64 << 20;

    internal static void Apply()
    {
        if (!IsSet("OMP_WAIT_POLICY"))
            LibC.SetDefault("GOMP_SPINCOUNT", SpinCount.ToString());
        if (Environment.GetEnvironmentVariables().Keys.Cast<string>().Any(name => name.StartsWith("MALLOC_", StringComparison.Ordinal)))
            return;
        LibC.TuneMalloc(LibC.MmapMax, 0);
        LibC.TuneMalloc(LibC.TrimThreshold, int.MaxValue);
        LibC.TuneMalloc(LibC.TopPad, TopPadBytes);
    }

    /// <summary>libtorch starts with one thread where OpenMP has not been configured; one a core is meant.</summary>
    internal static unsafe void UseAllCores(nint shim)
    {
        if (IsSet("OMP_NUM_THREADS"))
            return;
        // Through the export, since the import table of this assembly is being resolved right now.
        var setThreads = (delegate* unmanaged<int, int>)NativeLibrary.GetExport(shim, "fs_set_num_threads");
        setThreads(Environment.ProcessorCount);
    }

    private static bool IsSet(string name) => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(name));
}
