using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Fewshot.Compute.Loading;

/// <summary>
/// TorchSharp's native library asks for GLIBCXX_3.4.32 (GCC 13), which Debian 12's libstdc++ lacks, for one symbol only:
/// <c>std::ios_base_library_init()</c>, which does nothing that older libraries have not done already when they were loaded. This loads a copy of the
/// library, held in memory, in which that version is optional and the symbol is replaced by a harmless function.
/// </summary>
internal static partial class RelaxedLibrary
{
    internal const string MissingVersion = "GLIBCXX_3.4.32";

    private const string DispensableSymbol = "_ZSt21ios_base_library_initv";
    private const string HarmlessSymbol = "getpid";

    // Section types of the ELF format.
    private const uint SymbolTable = 11, VersionsNeeded = 0x6ffffffe, SymbolVersions = 0x6fffffff;
    private const ushort Weak = 2, GlobalUnversioned = 1;

    /// <summary>Loads the relaxed copy of a library.</summary>
    /// <exception cref="LibtorchException">The library needs more of the newer libstdc++ than the one symbol.</exception>
    internal static nint Load(string path)
    {
        var image = Relax(File.ReadAllBytes(path), path);
        // In memory only: no file that others could replace, nothing to clean up, and a read-only file system will do.
        using var memory = new SafeFileHandle(memfd_create(Path.GetFileName(path), 0), ownsHandle: true);
        if (memory.IsInvalid)
            throw new LibtorchException($"{path} needs {MissingVersion}, and a copy without that need cannot be held in memory (memfd_create failed).");
        var place = $"/proc/self/fd/{memory.DangerousGetHandle()}";
        File.WriteAllBytes(place, image);
        return NativeLibrary.Load(place);
    }

    /// <summary>The same ELF image without the need for <see cref="MissingVersion"/>.</summary>
    internal static byte[] Relax(byte[] image, string path)
    {
        if (image is not [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, ..])
            throw new LibtorchException($"{path} is not a 64-bit little-endian ELF library.");
        var sections = Sections(image);
        var versions = Only(sections, VersionsNeeded, path);
        var names = sections[(int)versions.Link];
        var index = MakeVersionOptional(image, versions, names, path);

        var symbols = Only(sections, SymbolTable, path);
        var symbolNames = sections[(int)symbols.Link];
        var symbolVersions = Only(sections, SymbolVersions, path);
        var bound = Enumerable.Range(0, symbols.Size / 24).Where(i => (U16(image, symbolVersions.Offset + (2 * i)) & 0x7fff) == index).ToArray();
        var bindings = bound.Select(i => Text(image, symbolNames, U32(image, symbols.Offset + (24 * i)))).ToArray();
        if (bindings is not [DispensableSymbol])
            throw new LibtorchException($"{path} needs {MissingVersion} of libstdc++ for {string.Join(", ", bindings)}: use a system with GCC 13 or newer.");

        BinaryPrimitives.WriteUInt16LittleEndian(image.AsSpan(symbolVersions.Offset + (2 * bound[0])), GlobalUnversioned);
        var name = symbolNames.Offset + (int)U32(image, symbols.Offset + (24 * bound[0]));
        Encoding.ASCII.GetBytes(HarmlessSymbol + '\0').CopyTo(image, name);
        return image;
    }

    /// <summary>Marks the version as weak, so that the loader goes on without it, and returns its index.</summary>
    private static int MakeVersionOptional(byte[] image, Section versions, Section names, string path)
    {
        for (var library = versions.Offset; ;)
        {
            var version = library + (int)U32(image, library + 8);
            for (var left = U16(image, library + 2); left > 0; left--)
            {
                if (Text(image, names, U32(image, version + 8)) == MissingVersion)
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

    private static Section[] Sections(byte[] image)
    {
        var table = (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(40));
        var (size, count) = (U16(image, 58), U16(image, 60));
        return [.. Enumerable.Range(0, count).Select(i => table + (i * size)).Select(at => new Section(
            U32(image, at + 4),
            (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(at + 24)),
            (int)BinaryPrimitives.ReadUInt64LittleEndian(image.AsSpan(at + 32)),
            U32(image, at + 40)))];
    }

    private static Section Only(Section[] sections, uint type, string path) =>
        sections.FirstOrDefault(section => section.Type == type) ?? throw new LibtorchException($"{path} has no ELF section of type {type:x}.");

    private static ushort U16(byte[] image, int at) => BinaryPrimitives.ReadUInt16LittleEndian(image.AsSpan(at));

    private static uint U32(byte[] image, int at) => BinaryPrimitives.ReadUInt32LittleEndian(image.AsSpan(at));

    private static string Text(byte[] image, Section strings, uint at)
    {
        var start = image.AsSpan(strings.Offset + (int)at);
        return Encoding.ASCII.GetString(start[..start.IndexOf((byte)0)]);
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int memfd_create(string name, uint flags);

    private sealed record Section(uint Type, int Offset, int Size, uint Link);
}
