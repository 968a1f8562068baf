namespace Fewshot.Imaging;

/// <summary>
/// What one image and one set may cost. The limits are the same on every machine, so a set means the same images wherever it is read.
/// Images beyond them are skipped and counted.
/// </summary>
public static class ImageLimits
{
    /// <summary>
    /// Longest side, pixels: the most that JPEG and GIF can express. Longer sides are rare (stitched panoramas) or hostile, and could
    /// overflow the size of a resized image.
    /// </summary>
    public const int MaxSide = 65_535;

    /// <summary>Largest width x height.</summary>
    public const int MaxPixels = 50_000_000;

    /// <summary>Largest encoded image, bytes: an uncompressed TIFF of <see cref="MaxPixels"/> with four 16-bit samples fits.</summary>
    public const int MaxFileBytes = 512 << 20;

    /// <summary>Most bytes that the encoded images of one set take in memory.</summary>
    public const long MaxSetBytes = 8L << 30;

    /// <summary>
    /// Most bytes that the decoded images of one set take in memory: 57,000 of 224 x 224 pixels where crops are not random.
    /// </summary>
    public const long MaxKeptBytes = 8L << 30;

    /// <summary>
    /// Bytes a pixel while an image is decoded. Measured at 40 megapixels: 4 to 10, and 12.5 for a progressive CMYK JPEG that has to be
    /// turned; 16-bit files of that kind need a little more.
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
            throw new ImageFormatException(
                $"The image is {width} x {height} pixels; at most {maxPixels / 1e6:0.###} million are allowed.");
    }
}
