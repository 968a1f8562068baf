namespace Fewshot.Imaging;

/// <summary>
/// JPEG, PNG, WebP, BMP, TIFF and the first frame of GIF from bytes, to the pixels that Pillow's <c>Image.open().convert()</c> gives,
/// turned upright by their EXIF orientation. 16-bit samples keep their upper eight bits. Transparent pixels of a GIF become black.
/// </summary>
public static class ImageDecoder
{
    private static readonly MemoryBudget Budget = new(ImageLimits.MaxDecodingBytes);

    /// <summary>Decodes a whole image.</summary>
    /// <inheritdoc cref="Decode{T}"/>
    public static Image Decode(byte[] encoded, int channels = 3, int maxPixels = ImageLimits.MaxPixels) =>
        Decode(encoded, channels, image => image, maxPixels);

    /// <summary>
    /// Decodes a whole image and makes something of it. All decoders of the process share one memory budget until <paramref name="use"/>
    /// returns, so large images wait for each other however many cores there are.
    /// </summary>
    /// <param name="encoded">The file's bytes.</param>
    /// <param name="channels">3: RGB, grey repeated. 1: grey, colours weighted as ITU-R 601. Transparency is dropped, not blended.</param>
    /// <param name="use">Takes the pixels; must not decode another image.</param>
    /// <param name="maxPixels">Largest width x height, at most <see cref="ImageLimits.MaxPixels"/>.</param>
    /// <exception cref="ImageFormatException">Another format, damaged, truncated, or beyond <see cref="ImageLimits"/>.</exception>
    /// <exception cref="ImagingLibraryException">A decoder cannot be loaded.</exception>
    public static T Decode<T>(byte[] encoded, int channels, Func<Image, T> use, int maxPixels = ImageLimits.MaxPixels)
    {
        if (channels is not (1 or 3))
            throw new ArgumentOutOfRangeException(nameof(channels), channels, "1 or 3.");
        using var image = Open(encoded, maxPixels);
        using var share = Budget.Take((image.DecodedPixels * ImageLimits.DecodingBytesPerPixel) + encoded.Length);
        return use(image.Decode(channels));
    }

    /// <summary>Reads the size of an image, upright, without decoding it.</summary>
    /// <inheritdoc cref="Decode{T}"/>
    internal static (int Width, int Height) SizeOf(byte[] encoded)
    {
        using var image = Open(encoded, ImageLimits.MaxPixels);
        return image.SwapsSides ? (image.Height, image.Width) : (image.Width, image.Height);
    }

    private static IEncodedImage Open(byte[] encoded, int maxPixels)
    {
        if (encoded.Length > ImageLimits.MaxFileBytes)
            throw new ImageFormatException(
                $"The file has {encoded.Length >> 20} MB; at most {ImageLimits.MaxFileBytes >> 20} are allowed.");
        var format = ImageFormats.Of(encoded);
        IEncodedImage image = format == ImageFormat.Bmp ? new BmpFile(encoded) : new VipsFile(encoded, format);
        try
        {
            ImageLimits.Check(image.Width, image.Height, Math.Min(maxPixels, ImageLimits.MaxPixels));
            if (image.DecodedPixels > ImageLimits.MaxPixels)
                throw new ImageFormatException(
                    $"A tile has {image.DecodedPixels / 1e6:0.#} million pixels; at most {ImageLimits.MaxPixels / 1e6} are allowed.");
            return image;
        }
        catch (ImageFormatException)
        {
            image.Dispose();
            throw;
        }
    }
}
