using System.Runtime.InteropServices;

namespace Fewshot.Compute.Loading;

/// <summary>
/// Settings of the C library and OpenMP. libtorch reads them only once, so they must be made before it is loaded. What the user has set is
/// left alone. Measured effect: docs/performance.md, "Process settings".
/// </summary>
internal static partial class ProcessSettings
{
    // Idle pool threads that spin for long starve the busy ones on few cores.
    private const int SpinCount = 10_000;

    // mallopt's parameters, from glibc's malloc.h.
    private const int TrimThreshold = -1, TopPad = -2, MmapMax = -4, ArenaMax = -8;
    private const int TopPadBytes = 64 << 20;
    private const int HugePages = 14;    // MADV_HUGEPAGE
    private const nuint PageBytes = 4096, HugeBytes = 1 << 30;

    internal static void Apply()
    {
        if (!OperatingSystem.IsLinux())
            return;
        if (!IsSet("OMP_WAIT_POLICY"))
            SetDefault("GOMP_SPINCOUNT", SpinCount.ToString());
        // libtorch counts physical cores; a container's quota and affinity are what .NET counts.
        SetDefault("OMP_NUM_THREADS", Environment.ProcessorCount.ToString());
        if (UserTunedMalloc())
            return;
        // A training step frees its activations and asks for the same sizes again. Memory returned to the kernel would be
        // mapped and cleared again at every step. One arena, because otherwise each thread's arena would keep its own peak.
        TuneMalloc(MmapMax, 0);
        TuneMalloc(TrimThreshold, int.MaxValue);
        TuneMalloc(TopPad, TopPadBytes);
        TuneMalloc(ArenaMax, 1);
        AskForHugePages();
    }

    /// <summary>
    /// Asks for huge pages in the part of the heap that tensors will come from: fewer page faults and address look-ups. The memory is not
    /// touched, so it does not count as used until tensors need it.
    /// </summary>
    private static unsafe void AskForHugePages()
    {
        // The C library's own call: where so much is not to be had, it says so instead of throwing.
        var block = malloc(HugeBytes);
        if (block is null)
            return;
        var start = ((nuint)block + PageBytes - 1) / PageBytes * PageBytes;
        _ = madvise((void*)start, HugeBytes - PageBytes, HugePages);
        free(block);
    }

    /// <summary>
    /// Limits oneDNN to kernels that do not depend on cache sizes; they are several times slower.
    /// Takes effect only before the first convolution.
    /// </summary>
    internal static string LimitOneDnn()
    {
        SetDefault("ONEDNN_MAX_CPU_ISA", "AVX");
        return "this virtual machine hides the cache sizes; oneDNN keeps to AVX, which is slow";
    }

    /// <summary>
    /// Gives the kernel the memory that is free inside the heap. With the settings above it would stay with the process, in pieces that fit
    /// the work before and not the next.
    /// </summary>
    internal static void ReturnFreedMemory()
    {
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            _ = malloc_trim(TopPadBytes);
        }
        catch (EntryPointNotFoundException)
        {
            // musl has no malloc_trim.
        }
    }

    private static bool UserTunedMalloc() =>
        Environment.GetEnvironmentVariables().Keys.Cast<string>().Any(name => name.StartsWith("MALLOC_", StringComparison.Ordinal));

    private static bool IsSet(string name) => !string.IsNullOrEmpty(Environment.GetEnvironmentVariable(name));

    /// <summary>Sets a variable that is not set yet. .NET's own SetEnvironmentVariable does not reach native code.</summary>
    private static void SetDefault(string name, string value) => setenv(name, value, 0);

    private static void TuneMalloc(int parameter, int value)
    {
        try
        {
            _ = mallopt(parameter, value);
        }
        catch (EntryPointNotFoundException)
        {
            // musl has no mallopt.
        }
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int setenv(string name, string value, int overwrite);

    [LibraryImport("libc")]
    private static unsafe partial void* malloc(nuint size);

    [LibraryImport("libc")]
    private static unsafe partial void free(void* block);

    [LibraryImport("libc")]
    private static unsafe partial int madvise(void* address, nuint length, int advice);

    [LibraryImport("libc")]
    private static partial int mallopt(int parameter, int value);

    [LibraryImport("libc")]
    private static partial int malloc_trim(nuint pad);
}
