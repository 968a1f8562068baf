using System.Buffers;
using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Fewshot.Artifacts.Safetensors;

/// <summary>
/// The header of a safetensors container: u64 little-endian length, UTF-8 JSON
/// <c>{name:{dtype,shape,data_offsets:[begin,end]},"__metadata__":{string:string}}</c>, then the buffer without gap or overlap.
/// Written headers depend on their content alone: metadata sorted by key, tensors in the caller's order, padded to 8 bytes.
/// </summary>
public sealed class SafetensorsHeader
{
    internal const int LengthBytes = 8;
    internal const string MetadataKey = "__metadata__";

    internal SafetensorsHeader(IReadOnlyList<SafetensorsEntry> entries, IReadOnlyDictionary<string, string> metadata, long bufferOffset)
    {
        Entries = entries;
        Metadata = metadata;
        BufferOffset = bufferOffset;
    }

    /// <summary>The tensors in buffer order.</summary>
    public IReadOnlyList<SafetensorsEntry> Entries { get; }

    /// <summary>The <c>__metadata__</c> strings; empty where there are none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Where the buffer starts in the file, bytes.</summary>
    public long BufferOffset { get; }

    /// <summary>Bytes of the buffer.</summary>
    public long BufferLength => Entries.Count == 0 ? 0 : Entries[^1].End;

    /// <summary>Bytes of the whole file.</summary>
    public long FileLength => BufferOffset + BufferLength;

    /// <summary>Lays tensors out in the order given and computes their offsets.</summary>
    /// <exception cref="ArgumentException">A name is reserved or used twice, a dtype unknown, an extent negative.</exception>
    public static SafetensorsHeader Create(
        IEnumerable<(string Name, string Dtype, long[] Shape)> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var entries = new List<SafetensorsEntry>();
        var names = new HashSet<string>(StringComparer.Ordinal) { MetadataKey };
        long position = 0;
        foreach (var (name, dtype, shape) in tensors)
        {
            if (!names.Add(name))
                throw new ArgumentException($"Tensor name {Printable.Quote(name)} is reserved or used twice.", nameof(tensors));
            long length = SafetensorsDtypes.SizeOf(dtype) ?? throw new ArgumentException($"Unknown dtype {Printable.Quote(dtype)}.", nameof(tensors));
            foreach (var extent in shape)
                length = checked(length * (extent >= 0 ? extent : throw new ArgumentException($"Negative extent in {Printable.Quote(name)}.", nameof(tensors))));
            entries.Add(new SafetensorsEntry(name, dtype, shape, position, checked(position + length)));
            position += length;
        }

        var sorted = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in metadata ?? new Dictionary<string, string>())
            sorted.Add(key, value);
        return new SafetensorsHeader(entries, sorted, LengthBytes + Json(entries, sorted).Length);
    }

    /// <summary>Writes length field and header; the caller then writes the tensors' bytes one after the other, in the order given.</summary>
    /// <inheritdoc cref="Create"/>
    public static SafetensorsHeader Write(
        Stream file, IEnumerable<(string Name, string Dtype, long[] Shape)> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        var header = Create(tensors, metadata);
        file.Write(header.ToBytes());
        return header;
    }

    /// <summary>The length field and the padded JSON: everything that stands before the buffer.</summary>
    public byte[] ToBytes()
    {
        var json = Json(Entries, Metadata);
        var bytes = new byte[LengthBytes + json.Length];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, json.Length);
        json.CopyTo(bytes, LengthBytes);
        return bytes;
    }

    /// <summary>Reads and checks the header of a container that is wholly in memory.</summary>
    /// <exception cref="SafetensorsFormatException">A rule of the format or a limit is broken.</exception>
    public static SafetensorsHeader Parse(ReadOnlySpan<byte> file, SafetensorsLimits? limits = null)
    {
        var length = SafetensorsReader.HeaderLength(file[..Math.Min(file.Length, LengthBytes)], file.Length, limits ??= SafetensorsLimits.Service);
        return SafetensorsReader.Parse(file.Slice(LengthBytes, length), file.Length, limits);
    }

    /// <summary>Reads and checks the header of a seekable container and leaves the stream at the start of the buffer.</summary>
    /// <inheritdoc cref="Parse"/>
    public static SafetensorsHeader Read(Stream file, SafetensorsLimits? limits = null)
    {
        limits ??= SafetensorsLimits.Service;
        var start = file.Position;
        var size = file.Length - start;
        Span<byte> field = stackalloc byte[LengthBytes];
        var length = SafetensorsReader.HeaderLength(field[..file.ReadAtLeast(field, LengthBytes, throwOnEndOfStream: false)], size, limits);
        var json = new byte[length];
        file.ReadExactly(json);
        return SafetensorsReader.Parse(json, size, limits);
    }

    private static byte[] Json(IReadOnlyList<SafetensorsEntry> tensors, IReadOnlyDictionary<string, string> metadata)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata.Count > 0)
            {
                json.WriteStartObject(MetadataKey);
                foreach (var (key, value) in metadata)
                    json.WriteString(key, value);
                json.WriteEndObject();
            }

            foreach (var tensor in tensors)
            {
                json.WriteStartObject(tensor.Name);
                json.WriteString("dtype", tensor.Dtype);
                json.WriteStartArray("shape");
                foreach (var extent in tensor.Shape)
                    json.WriteNumberValue(extent);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(tensor.Begin);
                json.WriteNumberValue(tensor.End);
                json.WriteEndArray();
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        // Spaces up to a multiple of 8, so that the buffer is aligned for any dtype when the file is mapped.
        buffer.GetSpan(8)[..((8 - (buffer.WrittenCount % 8)) % 8)].Fill((byte)' ');
        buffer.Advance((8 - (buffer.WrittenCount % 8)) % 8);
        return buffer.WrittenSpan.ToArray();
    }
}
