using System.Buffers.Binary;

namespace Fewshot.Imaging;

/// <summary>EXIF tag 0x0112: how the camera was held, 1 (upright) to 8.</summary>
internal static class Orientation
{
    public const int Upright = 1;
    private const int Tag = 0x0112, ShortType = 3, EntryBytes = 12;

    /// <summary>The orientation in a TIFF structure; upright when there is none or the structure is damaged.</summary>
    public static int FromExif(ReadOnlySpan<byte> tiff)
    {
        bool little;
        if (tiff.StartsWith("II*\0"u8))
            little = true;
        else if (tiff.StartsWith("MM\0*"u8))
            little = false;
        else
            return Upright;
        if (tiff.Length < 8)
            return Upright;
        var directory = little ? BinaryPrimitives.ReadUInt32LittleEndian(tiff[4..]) : BinaryPrimitives.ReadUInt32BigEndian(tiff[4..]);
        if (directory > tiff.Length - 2)
            return Upright;
        var entries = tiff[((int)directory + 2)..];
        for (int left = Short(tiff[(int)directory..], little); left > 0 && entries.Length >= EntryBytes; left--, entries = entries[EntryBytes..])
        {
            if (Short(entries, little) != Tag)
                continue;
            var value = Short(entries[8..], little);
            return Short(entries[2..], little) == ShortType && value is >= 1 and <= 8 ? value : Upright;
        }

        return Upright;
    }

    /// <summary>Turns and mirrors the image so that it stands upright.</summary>
    public static Image Apply(Image image, int orientation)
    {
        if (orientation == Upright)
            return image;
        var (width, height, channels) = (image.Width, image.Height, image.Channels);
        // Where the pixel at (x, y) of the file goes: transposed for 5 to 8, then mirrored along either axis.
        var transposed = orientation >= 5;
        var (mirrorX, mirrorY) = orientation switch
        {
            2 => (true, false),
            3 => (true, true),
            4 => (false, true),
            6 => (true, false),
            7 => (true, true),
            8 => (false, true),
            _ => (false, false),
        };
        var (newWidth, newHeight) = transposed ? (height, width) : (width, height);
        var target = Pixels.Allocate(newWidth, newHeight, channels);
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var (toX, toY) = transposed ? (y, x) : (x, y);
                if (mirrorX)
                    toX = newWidth - 1 - toX;
                if (mirrorY)
                    toY = newHeight - 1 - toY;
                image.Pixels.AsSpan((((y * width) + x) * channels), channels).CopyTo(target.AsSpan(((toY * newWidth) + toX) * channels));
            }
        }

        return new Image(newWidth, newHeight, channels, target);
    }

    private static int Short(ReadOnlySpan<byte> bytes, bool little) =>
        little ? BinaryPrimitives.ReadUInt16LittleEndian(bytes) : BinaryPrimitives.ReadUInt16BigEndian(bytes);
}
