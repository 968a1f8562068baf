using System.Buffers.Binary;
using Fewshot.Imaging.Native;

namespace Fewshot.Imaging;

/// <summary>
/// PNG through libpng: every colour type and depth, interlaced too. Only the chunks that make the picture reach libpng: colour profiles and
/// gamma would alter the samples (training code ignores them), and compressed texts would be inflated for nothing.
/// </summary>
internal static unsafe class PngDecoder
{
    private const int SignatureBytes = 8, ChunkOverhead = 12;

    public static (Image Image, int Orientation) Decode(ReadOnlySpan<byte> encoded, long maxPixels)
    {
        var picture = PictureOf(encoded, maxPixels, out var orientation);
        using var control = Png.Create();
        ref var values = ref control.Values;
        fixed (byte* bytes = picture)
        {
            if (Png.BeginRead(control, bytes, (nuint)picture.Length) == 0)
                throw new ImageFormatException($"Damaged PNG: {control.Message}.");
            ImageDecoder.CheckSize(values.Width, values.Height, maxPixels);
            var (width, height) = ((int)values.Width, (int)values.Height);
            // Colour maps are expanded; alpha is read where there is any, to be dropped here instead of blended there.
            values.Format &= Png.Alpha | Png.Colour;
            values.Flags |= Png.SixteenBitSrgb;
            var alpha = (values.Format & Png.Alpha) != 0;
            var samples = ((values.Format & Png.Colour) != 0 ? 3 : 1) + (alpha ? 1 : 0);
            var pixels = Pixels.Allocate(width, height, samples);
            fixed (byte* target = pixels)
            {
                if (Png.FinishRead(control, 0, target, width * samples, 0) == 0)
                    throw new ImageFormatException($"Damaged PNG: {control.Message}.");
            }

            var image = new Image(width, height, samples, pixels);
            return (alpha ? Channels.DropLast(image) : image, orientation);
        }
    }

    /// <summary>The file with nothing but IHDR, PLTE, tRNS, IDAT and IEND.</summary>
    private static byte[] PictureOf(ReadOnlySpan<byte> encoded, long maxPixels, out int orientation)
    {
        orientation = Orientation.Upright;
        var picture = GC.AllocateUninitializedArray<byte>(encoded.Length);
        encoded[..SignatureBytes].CopyTo(picture);
        var kept = SignatureBytes;
        for (var at = SignatureBytes; ;)
        {
            if (encoded.Length - at < ChunkOverhead)
                throw new ImageFormatException("Damaged PNG: the file is truncated.");
            var length = BinaryPrimitives.ReadUInt32BigEndian(encoded[at..]);
            if (length > encoded.Length - at - ChunkOverhead)
                throw new ImageFormatException("Damaged PNG: the file is truncated.");
            var chunk = encoded.Slice(at, (int)length + ChunkOverhead);
            var type = chunk[4..8];
            var data = chunk[8..^4];
            if (at == SignatureBytes)
            {
                if (!type.SequenceEqual("IHDR"u8) || length != 13)
                    throw new ImageFormatException("Damaged PNG: it does not begin with a header.");
                ImageDecoder.CheckSize(BinaryPrimitives.ReadUInt32BigEndian(data), BinaryPrimitives.ReadUInt32BigEndian(data[4..]), maxPixels);
            }

            if (type.SequenceEqual("IHDR"u8) || type.SequenceEqual("PLTE"u8) || type.SequenceEqual("tRNS"u8) || type.SequenceEqual("IDAT"u8) || type.SequenceEqual("IEND"u8))
            {
                chunk.CopyTo(picture.AsSpan(kept));
                kept += chunk.Length;
            }
            else if (type.SequenceEqual("eXIf"u8))
            {
                orientation = Orientation.FromExif(data);
            }

            if (type.SequenceEqual("IEND"u8))
                return picture[..kept];
            at += chunk.Length;
        }
    }
}
