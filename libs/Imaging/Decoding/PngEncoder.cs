using NetVips;

namespace Fewshot.Imaging;

/// <summary>Lossless PNG files of grey or RGB images.</summary>
public static class PngEncoder
{
    /// <summary>Encodes an image of 1 or 3 channels. Equal images give equal bytes.</summary>
    /// <exception cref="ImagingLibraryException">libvips cannot be loaded.</exception>
    public static byte[] Encode(Image image)
    {
        var bytes = (long)image.Width * image.Height * image.Channels;
        if (image.Width < 1 || image.Height < 1 || image.Channels is not (1 or 3) || image.Pixels.Length != bytes)
            throw new ArgumentException(
                $"{image.Width} x {image.Height} x {image.Channels} with {image.Pixels.Length} bytes is no image.", nameof(image));
        Vips.Require();
        using var pixels = NetVips.Image.NewFromMemory(image.Pixels, image.Width, image.Height, image.Channels, Enums.BandFormat.Uchar);
        return pixels.PngsaveBuffer(compression: 6, filter: Enums.ForeignPngFilter.All);
    }
}
