using System.Runtime.Intrinsics.X86;

namespace Fewshot.Compute.Loading;

/// <summary>
/// Corrects what oneDNN and MKL, which compute for libtorch, believe about AMD processors, after loading and before the first operation.
/// <list type="bullet">
/// <item>Some virtual machines hide an AMD processor's caches (CPUID leaf 0x8000001D is all zeros). oneDNN then believes that each cache
/// holds one byte, and its convolutions divide by zero or return wrong results (seen with libtorch 2.10). With the sizes filled in they
/// are right.</item>
/// <item>MKL uses slow kernels on processors that are not Intel's. With those that match the instruction set, matrix products take less
/// than half the time (docs/performance.md, "Process settings"). FEWSHOT_MKL=own leaves the choice to MKL.</item>
/// </list>
/// </summary>
internal static unsafe class AmdProcessor
{
    // dnnl::impl::cpu::x64::cpu() makes oneDNN's record of the processor when it is first called, and returns it.
    private const string OneDnnRecord = "_ZN4dnnl4impl3cpu3x643cpuEv";

    // MKL's answer to whether this is an Intel processor; -1 until it is first asked.
    private const string MklAsked = "mkl_serv_intel_cpu_true", MklAnswer = "mkl_serv_intel_cpu_true.cached";

    // The record, Xbyak::util::Cpu, as uint32: data cache sizes, cores that share each, number of levels.
    private const int Sizes = 7, Sharing = 17, Levels = 27;
    private const uint Level3BytesOfCore = 4 << 20;

    /// <summary>Whether there is something to tell.</summary>
    internal static bool IsUsed { get; } =
        OperatingSystem.IsLinux() && X86Base.IsSupported && X86Base.CpuId(0, 0) is { Ebx: 0x68747541 }; // "Auth" of AuthenticAMD

    private static bool HidesCaches =>
        unchecked((uint)X86Base.CpuId(unchecked((int)0x80000000), 0).Eax) >= 0x8000001d
        && (X86Base.CpuId(unchecked((int)0x8000001d), 0).Eax & 0x1f) == 0;

    /// <summary>Tells them.</summary>
    /// <param name="library">The loaded libtorch_cpu.so.</param>
    /// <param name="path">Its file.</param>
    /// <returns>What was corrected, as text for doctor.</returns>
    internal static IEnumerable<string> Tell(nint library, string path)
    {
        var symbols = LocalSymbols.Find(library, path, MklAsked, OneDnnRecord, MklAnswer);
        if (HidesCaches)
        {
            yield return symbols.TryGetValue(OneDnnRecord, out var record) && FillIn(record)
                ? "oneDNN was told the cache sizes that this virtual machine hides"
                : ProcessSettings.LimitOneDnn();
        }

        var leaveMkl = Environment.GetEnvironmentVariable("FEWSHOT_MKL") == "own";
        if (!leaveMkl && symbols.TryGetValue(MklAnswer, out var answer) && AllowAll(answer))
            yield return "MKL uses all that this AMD processor can do";
    }

    /// <returns>False: the record is not as expected, and nothing was changed.</returns>
    private static bool FillIn(nint function)
    {
        var cpu = ((delegate* unmanaged<uint*>)function)();
        ReadOnlySpan<uint> ones = [1, 1, 1];
        var expected = cpu[Levels] == 3
            && new Span<uint>(cpu + Sizes, 3).SequenceEqual(ones) && new Span<uint>(cpu + Sharing, 3).SequenceEqual(ones);
        if (!expected)
            return false;
        // The older leaves still tell level 1 and 2, in KiB.
        var level1 = unchecked((uint)X86Base.CpuId(unchecked((int)0x80000005), 0).Ecx) >> 24;
        var level2 = unchecked((uint)X86Base.CpuId(unchecked((int)0x80000006), 0).Ecx) >> 16;
        cpu[Sizes] = (level1 > 0 ? level1 : 32) << 10;
        cpu[Sizes + 1] = (level2 > 0 ? level2 : 512) << 10;
        cpu[Sizes + 2] = Level3BytesOfCore;
        return true;
    }

    private static bool AllowAll(nint answer)
    {
        if (*(int*)answer != -1)
            return false;
        *(int*)answer = 1;
        return true;
    }
}
