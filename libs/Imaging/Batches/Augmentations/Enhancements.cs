using System.Buffers;
using System.Numerics;

namespace Fewshot.Imaging;

/// <summary>
/// Pillow's ImageEnhance: the image blended with a version that lacks a quality; a factor of 0 is that version, 1 the image, and more
/// than 1 exaggerates.
/// </summary>
internal static class Enhancements
{
    public static void Brightness(Planes image, float factor) => PixelTables.Blend(image, 0, factor);

    public static void Contrast(Planes image, float factor)
    {
        var pixels = image.Side * image.Side;
        var rented = ArrayPool<byte>.Shared.Rent(pixels);
        Grey(image, rented);
        long sum = 0;
        for (var i = 0; i < pixels; i++)
            sum += rented[i];
        ArrayPool<byte>.Shared.Return(rented);
        PixelTables.Blend(image, (byte)(((double)sum / pixels) + 0.5), factor);
    }

    /// <summary>Saturation; nothing on one channel.</summary>
    public static void Color(Planes image, float factor)
    {
        if (image.Channels == 1)
            return;
        var rented = ArrayPool<byte>.Shared.Rent(image.Side * image.Side);
        Grey(image, rented);
        for (var c = 0; c < image.Channels; c++)
            Blend(rented, image[c], factor);
        ArrayPool<byte>.Shared.Return(rented);
    }

    public static void Sharpness(Planes image, float factor)
    {
        var rented = ArrayPool<byte>.Shared.Rent(image.Side * image.Side);
        var smooth = rented.AsSpan(0, image.Side * image.Side);
        for (var c = 0; c < image.Channels; c++)
        {
            Smooth(image[c], smooth, image.Side);
            Blend(smooth, image[c], factor);
        }

        ArrayPool<byte>.Shared.Return(rented);
    }

    /// <summary>3x3 mean in which the middle counts five times; the border stays.</summary>
    private static void Smooth(ReadOnlySpan<byte> plane, Span<byte> smooth, int side)
    {
        plane.CopyTo(smooth);
        for (var y = 1; y < side - 1; y++)
        {
            var above = plane.Slice((y - 1) * side, side);
            var row = plane.Slice(y * side, side);
            var below = plane.Slice((y + 1) * side, side);
            var to = smooth.Slice(y * side, side);
            var (left, middle) = (above[0] + row[0] + below[0], above[1] + row[1] + below[1]);
            for (var x = 1; x < row.Length - 1; x++)
            {
                var right = above[x + 1] + row[x + 1] + below[x + 1];
                // Rounded thirteenths.
                to[x] = (byte)((uint)((2 * (left + middle + right + (4 * row[x]))) + 13) / 26);
                (left, middle) = (middle, right);
            }
        }
    }

    private static void Blend(ReadOnlySpan<byte> lacking, Span<byte> image, float factor)
    {
        var x = 0;
        for (; x + Vector<byte>.Count <= image.Length; x += Vector<byte>.Count)
        {
            Vector.Widen(new Vector<byte>(lacking[x..]), out var lackingLow, out var lackingHigh);
            Vector.Widen(new Vector<byte>(image[x..]), out var low, out var high);
            Vector.Narrow(Blend(lackingLow, low, factor), Blend(lackingHigh, high, factor)).CopyTo(image[x..]);
        }

        for (; x < image.Length; x++)
            image[x] = (byte)Math.Clamp(lacking[x] + (factor * (image[x] - lacking[x])), 0, 255);
    }

    private static Vector<ushort> Blend(Vector<ushort> lacking, Vector<ushort> image, float factor)
    {
        Vector.Widen(lacking, out var lackingLow, out var lackingHigh);
        Vector.Widen(image, out var low, out var high);
        return Vector.Narrow(Blend(lackingLow, low, factor), Blend(lackingHigh, high, factor));
    }

    private static Vector<uint> Blend(Vector<uint> lacking, Vector<uint> image, float factor)
    {
        var from = Vector.ConvertToSingle(lacking.As<uint, int>());
        var blended = from + (new Vector<float>(factor) * (Vector.ConvertToSingle(image.As<uint, int>()) - from));
        return Vector.ConvertToInt32(Vector.Min(Vector.Max(blended, Vector<float>.Zero), new Vector<float>(255))).As<int, uint>();
    }

    /// <summary>ITU-R 601-2 luma, 16-bit fixed point.</summary>
    private static void Grey(Planes image, Span<byte> grey)
    {
        var red = image[0];
        if (image.Channels == 1)
        {
            red.CopyTo(grey);
            return;
        }

        var green = image[1];
        var blue = image[2];
        for (var i = 0; i < red.Length; i++)
            grey[i] = (byte)(((red[i] * 19595) + (green[i] * 38470) + (blue[i] * 7471) + 0x8000) >> 16);
    }
}
