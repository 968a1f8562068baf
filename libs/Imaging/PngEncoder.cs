using Fewshot.Imaging.Native;

namespace Fewshot.Imaging;

/// <summary>Lossless PNG files of grey or RGB images.</summary>
public static unsafe class PngEncoder
{
    /// <summary>Encodes an image of 1 or 3 channels.</summary>
    /// <exception cref="ImagingLibraryException">libpng is not installed.</exception>
    public static byte[] Encode(Image image)
    {
        var row = image.Width * image.Channels;
        if (image.Width < 1 || image.Height < 1 || image.Channels is not (1 or 3) || image.Pixels.Length != (long)row * image.Height)
            throw new ArgumentException($"{image.Width} x {image.Height} x {image.Channels} with {image.Pixels.Length} bytes is no image.", nameof(image));
        using var control = Png.Create();
        control.Values.Width = (uint)image.Width;
        control.Values.Height = (uint)image.Height;
        control.Values.Format = image.Channels == 3 ? Png.Colour : 0;
        // Incompressible rows grow by a filter byte and deflate's block headers; the rest is chunk overhead.
        long raw = (row + 1L) * image.Height;
        var encoded = new byte[raw + (raw / 1000) + (raw / 8192 * 12) + 4096];
        var size = (nuint)encoded.Length;
        fixed (byte* target = encoded, pixels = image.Pixels)
        {
            if (Png.WriteToMemory(control, target, ref size, 0, pixels, row, 0) == 0)
                throw new InvalidOperationException($"libpng cannot write the image: {control.Message}.");
        }

        return encoded[..(int)size];
    }
}
