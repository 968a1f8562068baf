using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Fewshot.Compute.Loading;

/// <summary>
/// Some virtual machines hide the caches of AMD processors (CPUID leaf 0x8000001D is all zeros). oneDNN, which computes libtorch's convolutions, then
/// takes every cache to be one byte large, and its 1x1 and 3x3 kernels divide by zero or compute wrong results (seen with libtorch 2.10; right with the
/// sizes filled in). This fills them in, or, where oneDNN's record is not found as expected, keeps oneDNN to kernels that do not depend on them.
/// </summary>
internal static unsafe class HiddenCaches
{
    // An exported function says where the file's addresses begin in memory.
    private const string Exported = "aoti_torch_device_type_cpu";

    // Xbyak::util::Cpu as uint32: data cache sizes, cores that share each, number of levels.
    private const int Sizes = 7, Sharing = 17, Levels = 27;
    private const uint Level3BytesOfCore = 4 << 20;

    // dnnl::impl::cpu::x64::cpu() makes the record when it is first called, and returns it.
    private static ReadOnlySpan<byte> Wanted => "_ZN4dnnl4impl3cpu3x643cpuEv\0"u8;

    private static ReadOnlySpan<byte> Anchor => "aoti_torch_device_type_cpu\0"u8;

    /// <summary>Whether this processor hides them.</summary>
    internal static bool AreHidden
    {
        get
        {
            if (!OperatingSystem.IsLinux() || !X86Base.IsSupported)
                return false;
            var (_, vendor, _, _) = X86Base.CpuId(0, 0);
            var (highest, _, _, _) = X86Base.CpuId(unchecked((int)0x80000000), 0);
            const int auth = 0x68747541;
            return vendor == auth && unchecked((uint)highest) >= 0x8000001d && (X86Base.CpuId(unchecked((int)0x8000001d), 0).Eax & 0x1f) == 0;
        }
    }

    /// <summary>Tells oneDNN; false: its record is not as expected, and nothing was changed.</summary>
    /// <param name="library">The loaded libtorch_cpu.so.</param>
    /// <param name="path">Its file.</param>
    internal static bool Reveal(nint library, string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        if (AddressOf(file, path, library) is not { } function)
            return false;
        var cpu = ((delegate* unmanaged<uint*>)function)();
        ReadOnlySpan<uint> ones = [1, 1, 1];
        if (cpu[Levels] != 3 || !new Span<uint>(cpu + Sizes, 3).SequenceEqual(ones) || !new Span<uint>(cpu + Sharing, 3).SequenceEqual(ones))
            return false;
        // The older leaves still tell level 1 and 2, in KiB.
        var level1 = unchecked((uint)X86Base.CpuId(unchecked((int)0x80000005), 0).Ecx) >> 24;
        var level2 = unchecked((uint)X86Base.CpuId(unchecked((int)0x80000006), 0).Ecx) >> 16;
        cpu[Sizes] = (level1 > 0 ? level1 : 32) << 10;
        cpu[Sizes + 1] = (level2 > 0 ? level2 : 512) << 10;
        cpu[Sizes + 2] = Level3BytesOfCore;
        return true;
    }

    /// <summary>Where a function that the library does not export was loaded.</summary>
    private static nint? AddressOf(FileStream file, string path, nint library)
    {
        var elf = ElfImage.Open(file, path);
        if (elf.Find(ElfImage.AllSymbols) is not { } table)
            return null;
        var names = elf.NamesOf(table).Read(file);
        var symbols = MemoryMarshal.Cast<byte, Symbol>(table.Read(file));
        var (wanted, anchor) = (0UL, 0UL);
        foreach (ref readonly var symbol in symbols)
        {
            if (symbol.Address == 0)
                continue;
            var name = names.AsSpan((int)symbol.Name);
            if (name.StartsWith(Wanted))
                wanted = symbol.Address;
            else if (name.StartsWith(Anchor))
                anchor = symbol.Address;
            if (wanted != 0 && anchor != 0)
                return NativeLibrary.TryGetExport(library, Exported, out var at) ? (nint)((ulong)at - anchor + wanted) : null;
        }

        return null;
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Symbol
    {
        public readonly uint Name;
        public readonly byte Kind, Visibility;
        public readonly ushort Section;
        public readonly ulong Address, Size;
    }
}
