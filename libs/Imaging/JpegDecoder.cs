using System.Buffers.Binary;
using Fewshot.Imaging.Native;

namespace Fewshot.Imaging;

/// <summary>JPEG through libturbojpeg: baseline and progressive; grey, YCbCr, RGB, CMYK and YCCK.</summary>
internal static unsafe class JpegDecoder
{
    public static (Image Image, int Orientation) Decode(ReadOnlySpan<byte> encoded, long maxPixels)
    {
        using var decompressor = TurboJpeg.Create();
        fixed (byte* bytes = encoded)
        {
            if (TurboJpeg.DecompressHeader3(decompressor, bytes, (nuint)encoded.Length, out var width, out var height, out _, out var space) != 0
                && TurboJpeg.GetErrorCode(decompressor) != TurboJpeg.Warning)
                throw new ImageFormatException($"Damaged JPEG: {TurboJpeg.ErrorOf(decompressor)}.");
            ImageDecoder.CheckSize(width, height, maxPixels);
            var (format, channels) = space switch
            {
                TurboJpeg.SpaceGrey => (TurboJpeg.FormatGrey, 1),
                TurboJpeg.SpaceCmyk or TurboJpeg.SpaceYcck => (TurboJpeg.FormatCmyk, 4),
                _ => (TurboJpeg.FormatRgb, 3),
            };
            var pixels = Pixels.Allocate(width, height, channels);
            fixed (byte* target = pixels)
            {
                var failed = TurboJpeg.Decompress2(
                    decompressor, bytes, (nuint)encoded.Length, target, width, 0, height, format, TurboJpeg.LimitScans) != 0;
                if (failed && !IsHarmless(decompressor))
                    throw new ImageFormatException($"Damaged JPEG: {TurboJpeg.ErrorOf(decompressor)}.");
            }

            var image = new Image(width, height, channels, pixels);
            return (channels == 4 ? Channels.FromAdobeCmyk(image) : image, OrientationOf(encoded));
        }
    }

    /// <summary>Stray bytes between segments are common and cost nothing; data that ends early leaves grey areas.</summary>
    private static bool IsHarmless(TurboJpeg.Decompressor decompressor) => TurboJpeg.GetErrorCode(decompressor) == TurboJpeg.Warning
        && !TurboJpeg.ErrorOf(decompressor).Contains("premature end", StringComparison.OrdinalIgnoreCase);

    /// <summary>Looks for the EXIF segment among those before the picture.</summary>
    private static int OrientationOf(ReadOnlySpan<byte> encoded)
    {
        for (var at = 2; at + 4 <= encoded.Length && encoded[at] == 0xff;)
        {
            var marker = encoded[at + 1];
            if (marker == 0xff)
            {
                at++;
                continue;
            }

            int length = BinaryPrimitives.ReadUInt16BigEndian(encoded[(at + 2)..]);
            // Start of scan, end of image: no more segments before the picture.
            if (marker is 0xda or 0xd9 || length < 2 || at + 2 + length > encoded.Length)
                break;
            var segment = encoded.Slice(at + 4, length - 2);
            if (marker == 0xe1 && segment.StartsWith("Exif\0\0"u8))
                return Orientation.FromExif(segment[6..]);
            at += 2 + length;
        }

        return Orientation.Upright;
    }
}
