using System.Buffers.Binary;
using System.Text;

namespace Fewshot.Compute.Loading;

/// <summary>The sections of a 64-bit little-endian ELF library, as far as they are needed here.</summary>
internal sealed class ElfImage
{
    /// <summary>Section types of the ELF format.</summary>
    internal const uint AllSymbols = 2, DynamicSymbols = 11, VersionsNeeded = 0x6ffffffe, SymbolVersions = 0x6fffffff;

    /// <summary>Bytes of an entry of a symbol table.</summary>
    internal const int SymbolBytes = 24;

    private readonly Section[] sections;

    private ElfImage(Section[] sections) => this.sections = sections;

    /// <exception cref="LibtorchException">The file is not a 64-bit little-endian ELF library.</exception>
    internal static ElfImage Open(Stream file, string path)
    {
        var header = new byte[64];
        if (file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false) < header.Length || header is not [0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, ..])
            throw new LibtorchException($"{path} is not a 64-bit little-endian ELF library.");
        var size = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(58));
        var count = BinaryPrimitives.ReadUInt16LittleEndian(header.AsSpan(60));
        var table = new byte[size * count];
        file.Position = BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(40));
        file.ReadExactly(table);
        return new ElfImage([.. table.Chunk(size).Select(section => new Section(
            BinaryPrimitives.ReadUInt32LittleEndian(section.AsSpan(4)),
            BinaryPrimitives.ReadInt64LittleEndian(section.AsSpan(24)),
            BinaryPrimitives.ReadInt64LittleEndian(section.AsSpan(32)),
            BinaryPrimitives.ReadInt32LittleEndian(section.AsSpan(40))))]);
    }

    /// <summary>The first section of a type, null where there is none.</summary>
    internal Section? Find(uint type) => sections.FirstOrDefault(section => section.Type == type);

    /// <summary>The strings that a section's entries point into.</summary>
    internal Section NamesOf(Section section) => sections[section.Link];

    internal static string Text(ReadOnlySpan<byte> strings, uint at)
    {
        var start = strings[(int)at..];
        return Encoding.ASCII.GetString(start[..start.IndexOf((byte)0)]);
    }

    /// <param name="Type">What it holds.</param>
    /// <param name="Offset">Where it starts in the file, bytes.</param>
    /// <param name="Size">Bytes.</param>
    /// <param name="Link">The index of the section that holds its strings.</param>
    internal sealed record Section(uint Type, long Offset, long Size, int Link)
    {
        internal byte[] Read(Stream file)
        {
            var bytes = GC.AllocateUninitializedArray<byte>(checked((int)Size));
            file.Position = Offset;
            file.ReadExactly(bytes);
            return bytes;
        }
    }
}
