using System.Buffers.Binary;
using System.Text;

namespace Fewshot.Imaging.Tests;

/// <summary>Files whose headers claim any size, with next to nothing behind them.</summary>
public static class Forged
{
    public static byte[] Of(string format, uint width, uint height) => format switch
    {
        "PNG" => Png(width, height),
        "JPEG" => Jpeg(width, height),
        "GIF" => Gif(width, height),
        "BMP" => Bmp(width, height),
        "TIFF" => Tiff(width, height, tile: 0),
        "tiled TIFF" => Tiff(16, 16, tile: width),
        "WebP" => WebP(width, height),
        _ => throw new ArgumentOutOfRangeException(nameof(format)),
    };

    public static byte[] Png(uint width, uint height)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteUInt32BigEndian(header, width);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(4), height);
        header[8] = 8;
        var data = Chunk("IDAT", [0x78, 0x9c, 3, 0, 0, 0, 0, 1]);
        return [0x89, .. "PNG\r\n\x1a\n"u8, .. Chunk("IHDR", header), .. data, .. Chunk("IEND", [])];
    }

    private static byte[] Chunk(string type, byte[] data)
    {
        var chunk = new byte[data.Length + 12];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        Encoding.ASCII.GetBytes(type, chunk.AsSpan(4));
        data.CopyTo(chunk, 8);
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(data.Length + 8), Crc(chunk.AsSpan(4, data.Length + 4)));
        return chunk;
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ ((crc & 1) * 0xedb88320);
        }

        return ~crc;
    }

    private static byte[] Jpeg(uint width, uint height) =>
    [
        0xff, 0xd8, 0xff, 0xdb, 0, 67, 0, .. Enumerable.Repeat((byte)1, 64),
        0xff, 0xc0, 0, 11, 8, (byte)(height >> 8), (byte)height, (byte)(width >> 8), (byte)width, 1, 1, 0x11, 0,
        0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0, 0, 0xff, 0xd9,
    ];

    private static byte[] Gif(uint width, uint height)
    {
        byte[] size = [(byte)width, (byte)(width >> 8), (byte)height, (byte)(height >> 8)];
        byte[] colours = [0, 0, 0, 255, 255, 255];
        return [.. "GIF89a"u8, .. size, 0x80, 0, 0, .. colours, (byte)',', 0, 0, 0, 0, .. size, 0, 2, 2, 0x44, 1, 0, (byte)';'];
    }

    private static byte[] Bmp(uint width, uint height)
    {
        var file = new byte[54 + 64];
        "BM"u8.CopyTo(file);
        (int At, uint Value)[] fields = [(2, (uint)file.Length), (10, 54), (14, 40), (18, width), (22, height), (26, 1 | (24 << 16))];
        foreach (var (at, value) in fields)
            BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(at), value);
        return file;
    }

    /// <summary>Eight-bit grey in one strip, or in square tiles.</summary>
    private static byte[] Tiff(uint width, uint height, uint tile)
    {
        List<(ushort Tag, uint Value)> fields = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (277, 1)];
        fields.AddRange(tile > 0 ? [(322, tile), (323, tile), (324, 200), (325, 16)] : [(273, 200), (278, height), (279, 16)]);
        fields.Sort();
        var file = new byte[256];
        "II*\0"u8.CopyTo(file);
        file[4] = 8;
        file[8] = (byte)fields.Count;
        foreach (var (i, (tag, value)) in fields.Index())
        {
            var entry = file.AsSpan(10 + (12 * i));
            BinaryPrimitives.WriteUInt16LittleEndian(entry, tag);
            (entry[2], entry[4]) = (4, 1);
            BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], value);
        }

        return file;
    }

    /// <summary>An extended header, then a picture of one pixel.</summary>
    private static byte[] WebP(uint width, uint height)
    {
        byte[] body =
        [
            .. "WEBPVP8X"u8, 10, 0, 0, 0, 0, 0, 0, 0, (byte)(width - 1), (byte)((width - 1) >> 8), (byte)((width - 1) >> 16),
            (byte)(height - 1), (byte)((height - 1) >> 8), (byte)((height - 1) >> 16),
            .. "VP8L"u8, 8, 0, 0, 0, 0x2f, 0, 0, 0, 0, 7, 0xd0, 0xff,
        ];
        return [.. "RIFF"u8, (byte)body.Length, 0, 0, 0, .. body];
    }
}
