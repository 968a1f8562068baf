namespace Fewshot.Imaging;

/// <summary>
/// What one image and one set may cost. They are the same on every machine, so that a set means the same images wherever it is read; what goes beyond
/// is skipped and counted.
/// </summary>
public static class ImageLimits
{
    /// <summary>
    /// Longest side, pixels: the longest that JPEG and GIF can say. Whatever is longer comes out of a stitching program or a forger, and could overflow
    /// the sides of a resized image.
    /// </summary>
    public const int MaxSide = 65_535;

    /// <summary>Largest width x height.</summary>
    public const int MaxPixels = 50_000_000;

    /// <summary>Largest encoded image, bytes: an uncompressed TIFF of <see cref="MaxPixels"/> with four 16-bit samples fits.</summary>
    public const int MaxFileBytes = 512 << 20;

    /// <summary>Most bytes that the encoded images of one set take in memory.</summary>
    public const long MaxSetBytes = 8L << 30;

    /// <summary>Most bytes that the decoded images of one set take in memory: 57,000 at 224 x 224, for a start.</summary>
    public const long MaxKeptBytes = 8L << 30;

    /// <summary>
    /// Bytes a pixel while an image is decoded. Measured at 40 megapixels: 6 to 11, and a progressive CMYK JPEG that lies on its side takes 16 (coefficients
    /// of the file, samples as they come, turned samples, the result).
    /// </summary>
    internal const int DecodingBytesPerPixel = 16;

    /// <summary>Most bytes that all images that are being decoded take together: one of the largest, or hundreds of usual ones.</summary>
    internal const long MaxDecodingBytes = (long)MaxPixels * DecodingBytesPerPixel;

    /// <summary>Why an encoded image is not taken into a set; null where it is.</summary>
    /// <param name="bytes">Its length.</param>
    /// <param name="free">Bytes that the set may still grow by.</param>
    internal static string? Refusal(long bytes, long free) =>
        bytes > MaxFileBytes ? $"The file has {bytes >> 20} MB; at most {MaxFileBytes >> 20} are allowed."
        : bytes > free ? $"The set has more than {MaxSetBytes >> 30} GB of images; use fewer or smaller ones."
        : null;

    /// <exception cref="ImageFormatException">The image has no pixels, or too many.</exception>
    internal static void Check(long width, long height, int maxPixels)
    {
        if (width < 1 || height < 1)
            throw new ImageFormatException($"The image is {width} x {height} pixels.");
        if (width > MaxSide || height > MaxSide)
            throw new ImageFormatException($"The image is {width} x {height} pixels; a side may have at most {MaxSide}.");
        if (width * height > maxPixels)
            throw new ImageFormatException($"The image is {width} x {height} pixels; at most {maxPixels / 1e6:0.###} million are allowed.");
    }
}
