using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;
using System.Text;

namespace Fewshot.Compute.Loading;

/// <summary>Where functions and variables that a loaded library does not export lie in memory.</summary>
internal static unsafe class LocalSymbols
{
    /// <param name="library">The loaded library.</param>
    /// <param name="path">Its file, an ELF library.</param>
    /// <param name="exported">A function that it exports: says where the file's addresses begin in memory.</param>
    /// <param name="names">Mangled names.</param>
    /// <returns>The addresses of those that there are.</returns>
    internal static IReadOnlyDictionary<string, nint> Find(nint library, string path, string exported, params string[] names)
    {
        var found = new Dictionary<string, nint>(StringComparer.Ordinal);
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        var elf = ElfImage.Open(file, path);
        if (elf.Find(ElfImage.AllSymbols) is not { } table || !NativeLibrary.TryGetExport(library, exported, out var anchor))
            return found;
        var symbols = MemoryMarshal.Cast<byte, Symbol>(table.Read(file));
        var strings = elf.NamesOf(table);
        // Mapped: the names alone are 80 MB, of which the kernel holds most already.
        using var mapped = MemoryMappedFile.CreateFromFile(
            file, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        using var view = mapped.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        try
        {
            byte[][] wanted = [.. names.Append(exported).Select(name => Encoding.ASCII.GetBytes(name + '\0'))];
            var addresses = new ulong[wanted.Length];
            foreach (ref readonly var symbol in symbols)
            {
                if (symbol.Address == 0)
                    continue;
                var name = new ReadOnlySpan<byte>(start + strings.Offset + symbol.Name, (int)Math.Min(strings.Size - symbol.Name, 256));
                for (var i = 0; i < wanted.Length; i++)
                    if (name.StartsWith(wanted[i]))
                        addresses[i] = symbol.Address;
            }

            for (var i = 0; i < names.Length && addresses[^1] != 0; i++)
                if (addresses[i] != 0)
                    found[names[i]] = (nint)((ulong)anchor - addresses[^1] + addresses[i]);
            return found;
        }
        finally
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
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
