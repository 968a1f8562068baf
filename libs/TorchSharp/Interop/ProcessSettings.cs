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
        if (UserTunedMalloc())
            return;
        LibC.TuneMalloc(LibC.MmapMax, 0);
        LibC.TuneMalloc(LibC.TrimThreshold, int.MaxValue);
        LibC.TuneMalloc(LibC.TopPad, TopPadBytes);
    }

    /// <summary>
    /// libtorch starts with one thread where OpenMP has not been configured, though one a core is meant; and gives every freed activation back to the kernel.
    /// </summary>
    internal static unsafe void ApplyTo(nint shim)
    {
        // Through the exports, since the import table of this assembly is being resolved right now.
        if (!IsSet("OMP_NUM_THREADS"))
            ((delegate* unmanaged<int, int>)NativeLibrary.GetExport(shim, "fs_set_num_threads"))(Environment.ProcessorCount);
        if (!UserTunedMalloc())
            ((delegate* unmanaged<int>)NativeLibrary.GetExport(shim, "fs_keep_large_blocks"))();
    }

    private static bool UserTunedMalloc() =>
        Environment.GetEnvironmentVariables().Keys.Cast<string>().Any(name => name.StartsWith("MALLOC_", StringComparison.Ordinal));

    private static bool IsSet(string name) => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(name));
}
