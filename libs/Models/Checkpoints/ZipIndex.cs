using System.Buffers.Binary;
using System.Text;

namespace Fewshot.Models.Checkpoints;

/// <summary>
/// Where the entries of a zip file lie (PKWARE APPNOTE 6.3, zip64 included). Only stored entries are taken: PyTorch writes no other, and
/// so nothing can grow while it is read.
/// </summary>
internal static class ZipIndex
{
    private const int MaxEntries = 50_000;
    private const int MaxDirectoryBytes = 64 << 20;
    private const int EndLength = 22;

    /// <summary>Name to (offset of the first byte, length).</summary>
    /// <exception cref="CheckpointException">Truncated, compressed, encrypted, inconsistent.</exception>
    public static IReadOnlyDictionary<string, (long Offset, long Length)> Read(Stream file)
    {
        var (count, directoryOffset, directoryLength) = FindDirectory(file);
        if (count > MaxEntries || directoryLength > MaxDirectoryBytes)
            throw new CheckpointException($"The zip directory is too large: {count} entries, {directoryLength} bytes.");
        if (directoryOffset < 0 || directoryLength < 0 || directoryOffset > file.Length - directoryLength)
            throw new CheckpointException("The zip directory lies outside the file: it is truncated or corrupt.");
        var directory = new byte[directoryLength];
        file.Position = directoryOffset;
        file.ReadExactly(directory);
        var entries = new Dictionary<string, (long, long)>(StringComparer.Ordinal);
        ReadOnlySpan<byte> rest = directory;
        for (long i = 0; i < count; i++)
        {
            var (name, offset, length, consumed) = Entry(rest);
            if (!entries.TryAdd(name, (DataOffset(file, name, offset, length), length)))
                throw new CheckpointException($"The zip directory lists {Dtypes.Printed(name)} twice.");
            rest = rest[consumed..];
        }

        return entries;
    }

    private static (long Count, long Offset, long Length) FindDirectory(Stream file)
    {
        // The end record is followed by a comment of at most 65,535 bytes.
        var tail = new byte[Math.Min(file.Length, EndLength + ushort.MaxValue)];
        file.Position = file.Length - tail.Length;
        file.ReadExactly(tail);
        var at = tail.AsSpan().LastIndexOf("PK\x05\x06"u8);
        if (at < 0 || tail.Length - at < EndLength)
            throw new CheckpointException("The file is truncated: the zip directory at its end is missing.");
        var end = tail.AsSpan(at);
        long count = BinaryPrimitives.ReadUInt16LittleEndian(end[10..]);
        long length = BinaryPrimitives.ReadUInt32LittleEndian(end[12..]);
        long offset = BinaryPrimitives.ReadUInt32LittleEndian(end[16..]);
        if (count != ushort.MaxValue && length != uint.MaxValue && offset != uint.MaxValue)
            return (count, offset, length);

        if (at < 20 || !tail.AsSpan(at - 20).StartsWith("PK\x06\x07"u8))
            throw new CheckpointException("The zip64 locator is missing: the file is corrupt.");
        var record = BinaryPrimitives.ReadInt64LittleEndian(tail.AsSpan(at - 12));
        if (record < 0 || record > file.Length - 56)
            throw new CheckpointException("The zip64 end record lies outside the file.");
        Span<byte> wide = stackalloc byte[56];
        file.Position = record;
        file.ReadExactly(wide);
        if (!wide.StartsWith("PK\x06\x06"u8))
            throw new CheckpointException("The zip64 end record is missing: the file is corrupt.");
        return (BinaryPrimitives.ReadInt64LittleEndian(wide[32..]), BinaryPrimitives.ReadInt64LittleEndian(wide[48..]), BinaryPrimitives.ReadInt64LittleEndian(wide[40..]));
    }

    private static (string Name, long Offset, long Length, int Consumed) Entry(ReadOnlySpan<byte> record)
    {
        if (record.Length < 46 || !record.StartsWith("PK\x01\x02"u8))
            throw new CheckpointException("The zip directory is corrupt.");
        var nameLength = BinaryPrimitives.ReadUInt16LittleEndian(record[28..]);
        var extraLength = BinaryPrimitives.ReadUInt16LittleEndian(record[30..]);
        var consumed = 46 + nameLength + extraLength + BinaryPrimitives.ReadUInt16LittleEndian(record[32..]);
        if (consumed > record.Length)
            throw new CheckpointException("The zip directory is corrupt.");
        var name = Encoding.UTF8.GetString(record.Slice(46, nameLength));
        if ((record[8] & 1) != 0 || BinaryPrimitives.ReadUInt16LittleEndian(record[10..]) != 0)
            throw new CheckpointException($"The zip entry {Dtypes.Printed(name)} is compressed or encrypted; PyTorch stores them plainly.");
        long stored = BinaryPrimitives.ReadUInt32LittleEndian(record[20..]);
        long length = BinaryPrimitives.ReadUInt32LittleEndian(record[24..]);
        long offset = BinaryPrimitives.ReadUInt32LittleEndian(record[42..]);
        Widen(record.Slice(46 + nameLength, extraLength), ref length, ref stored, ref offset);
        if (stored != length || length < 0 || offset < 0)
            throw new CheckpointException($"The zip entry {Dtypes.Printed(name)} has inconsistent sizes.");
        return (name, offset, length, consumed);
    }

    /// <summary>Fields that are all ones stand in the zip64 extra field, in this order.</summary>
    private static void Widen(ReadOnlySpan<byte> extra, ref long length, ref long stored, ref long offset)
    {
        while (extra.Length >= 4)
        {
            var size = BinaryPrimitives.ReadUInt16LittleEndian(extra[2..]);
            if (size > extra.Length - 4)
                return;
            if (BinaryPrimitives.ReadUInt16LittleEndian(extra) == 1)
            {
                var fields = extra.Slice(4, size);
                Take(ref fields, ref length);
                Take(ref fields, ref stored);
                Take(ref fields, ref offset);
                return;
            }

            extra = extra[(4 + size)..];
        }
    }

    private static void Take(ref ReadOnlySpan<byte> fields, ref long value)
    {
        if (value != uint.MaxValue)
            return;
        if (fields.Length < 8)
            throw new CheckpointException("A zip64 field is missing: the zip directory is corrupt.");
        value = BinaryPrimitives.ReadInt64LittleEndian(fields);
        fields = fields[8..];
    }

    private static long DataOffset(Stream file, string name, long offset, long length)
    {
        Span<byte> local = stackalloc byte[30];
        if (offset > file.Length - local.Length)
            throw new CheckpointException($"The file is truncated: {Dtypes.Printed(name)} lies beyond its end.");
        file.Position = offset;
        file.ReadExactly(local);
        if (!local.StartsWith("PK\x03\x04"u8))
            throw new CheckpointException($"The zip entry {Dtypes.Printed(name)} has no header where the directory says.");
        var data = offset + local.Length + BinaryPrimitives.ReadUInt16LittleEndian(local[26..]) + BinaryPrimitives.ReadUInt16LittleEndian(local[28..]);
        if (length > file.Length - data)
            throw new CheckpointException($"The file is truncated: {Dtypes.Printed(name)} is not complete.");
        return data;
    }
}
