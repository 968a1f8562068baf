namespace Fewshot.Imaging;

/// <summary>JPEG and PNG from bytes, to the pixels that Pillow's <c>Image.open().convert()</c> gives, turned upright by their EXIF orientation.</summary>
public static class ImageDecoder
{
    /// <summary>Images of more pixels are refused before memory is set aside for them.</summary>
    public const long DefaultMaxPixels = 50_000_000;

    /// <summary>Decodes a whole image.</summary>
    /// <param name="encoded">The file's bytes.</param>
    /// <param name="channels">3: RGB, grey repeated. 1: grey, colours weighted as ITU-R 601. Transparency is dropped, not blended.</param>
    /// <param name="maxPixels">Largest width x height.</param>
    /// <exception cref="ImageFormatException">Not a JPEG or PNG, damaged, truncated, or too large.</exception>
    /// <exception cref="ImagingLibraryException">libturbojpeg or libpng is not installed.</exception>
    public static Image Decode(ReadOnlySpan<byte> encoded, int channels = 3, long maxPixels = DefaultMaxPixels)
    {
        if (channels is not (1 or 3))
            throw new ArgumentOutOfRangeException(nameof(channels), channels, "1 or 3.");
        var decoded = encoded switch
        {
            [0xff, 0xd8, 0xff, ..] => JpegDecoder.Decode(encoded, maxPixels),
            [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => PngDecoder.Decode(encoded, maxPixels),
            _ => throw new ImageFormatException($"Not a JPEG or PNG image: {Describe(encoded)}."),
        };
        return Orientation.Apply(Channels.Convert(decoded.Image, channels), decoded.Orientation);
    }

    internal static void CheckSize(long width, long height, long maxPixels)
    {
        if (width < 1 || height < 1)
            throw new ImageFormatException($"The image is {width} x {height} pixels.");
        if (height > maxPixels / width)
            throw new ImageFormatException($"The image is {width} x {height} pixels; at most {maxPixels / 1e6:0.###} million are allowed.");
    }

    private static string Describe(ReadOnlySpan<byte> encoded) => encoded switch
    {
        [] => "it is empty",
        [(byte)'G', (byte)'I', (byte)'F', ..] => "it is a GIF",
        [(byte)'R', (byte)'I', (byte)'F', (byte)'F', _, _, _, _, (byte)'W', (byte)'E', (byte)'B', (byte)'P', ..] => "it is a WebP",
        [(byte)'B', (byte)'M', ..] => "it is a BMP",
        [(byte)'I', (byte)'I', 42, 0, ..] or [(byte)'M', (byte)'M', 0, 42, ..] => "it is a TIFF",
        _ => $"it starts with {Convert.ToHexString(encoded[..Math.Min(8, encoded.Length)])}",
    };
}
