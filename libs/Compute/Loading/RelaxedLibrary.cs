using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Fewshot.Compute.Loading;

/// <summary>
/// TorchSharp's native library asks for GLIBCXX_3.4.32 (GCC 13), which Debian 12's libstdc++ lacks, for one symbol only:
/// <c>std::ios_base_library_init()</c>. Older versions of libstdc++ do its work when they are loaded. This class loads a copy of
/// the library, held in memory, in which that version is optional and the symbol is replaced by a harmless function.
/// </summary>
internal static partial class RelaxedLibrary
{
    internal const string MissingVersion = "GLIBCXX_3.4.32";

    private const string DispensableSymbol = "_ZSt21ios_base_library_initv";
    private const string HarmlessSymbol = "getpid";
    private const ushort Weak = 2, GlobalUnversioned = 1;

    /// <summary>Loads the relaxed copy of a library.</summary>
    /// <exception cref="LibtorchException">The library needs more of the newer libstdc++ than the one symbol.</exception>
    internal static nint Load(string path)
    {
        var image = Relax(File.ReadAllBytes(path), path);
        // In memory only: no file that others could replace, nothing to clean up, and a read-only file system will do.
        using var memory = new SafeFileHandle(memfd_create(Path.GetFileName(path), 0), ownsHandle: true);
        if (memory.IsInvalid)
            throw new LibtorchException(
                $"{path} needs {MissingVersion}, and a copy without that need cannot be held in memory (memfd_create failed).");
        var place = $"/proc/self/fd/{memory.DangerousGetHandle()}";
        File.WriteAllBytes(place, image);
        return NativeLibrary.Load(place);
    }

    /// <summary>Removes the need for <see cref="MissingVersion"/> from an ELF image, in place.</summary>
    internal static byte[] Relax(byte[] image, string path)
    {
        var elf = ElfImage.Open(new MemoryStream(image), path);
        var versions = elf.Find(ElfImage.VersionsNeeded);
        var (symbols, bindings) = (elf.Find(ElfImage.DynamicSymbols), elf.Find(ElfImage.SymbolVersions));
        if (versions is null || symbols is null || bindings is null)
            throw new LibtorchException($"{path} names no versions of the libraries that it needs.");
        var index = MakeVersionOptional(image, versions, Strings(image, elf.NamesOf(versions)), path);

        var names = elf.NamesOf(symbols);
        var bound = Enumerable.Range(0, (int)(symbols.Size / ElfImage.SymbolBytes))
            .Where(i => (U16(image, (int)bindings.Offset + (2 * i)) & 0x7fff) == index)
            .Select(i => (Index: i, NameAt: U32(image, (int)symbols.Offset + (ElfImage.SymbolBytes * i)))).ToArray();
        var needed = bound.Select(symbol => ElfImage.Text(Strings(image, names), symbol.NameAt)).ToArray();
        if (needed is not [DispensableSymbol])
            throw new LibtorchException(
                $"{path} needs {MissingVersion} of libstdc++ for {string.Join(", ", needed)}: use a system with GCC 13 or newer.");

        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan((int)bindings.Offset + (2 * bound[0].Index)), GlobalUnversioned);
        Encoding.ASCII.GetBytes(HarmlessSymbol + '\0').CopyTo(image, (int)(names.Offset + bound[0].NameAt));
        return image;
    }

    /// <summary>Marks the version as weak, so that the loader goes on without it, and returns its index.</summary>
    private static int MakeVersionOptional(byte[] image, ElfImage.Section versions, ReadOnlySpan<byte> names, string path)
    {
        for (var library = (int)versions.Offset; ;)
        {
            var version = library + (int)U32(image, library + 8);
            for (var left = U16(image, library + 2); left > 0; left--)
            {
                if (ElfImage.Text(names, U32(image, version + 8)) == MissingVersion)
                {
                    BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(version + 4), (ushort)(U16(image, version + 4) | Weak));
                    return U16(image, version + 6);
                }

                version += (int)U32(image, version + 12);
            }

            var next = (int)U32(image, library + 12);
            if (next == 0)
                throw new LibtorchException($"{path} does not name {MissingVersion} among the versions that it needs.");
            library += next;
        }
    }

    private static ReadOnlySpan<byte> Strings(byte[] image, ElfImage.Section section) =>
        image.AsSpan((int)section.Offset, (int)section.Size);

    private static ushort U16(byte[] image, int at) => BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(at));

    private static uint U32(byte[] image, int at) => BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(at));

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int memfd_create(string name, uint flags);
}
