namespace Fewshot.Imaging;

/// <summary>Many images as one picture.</summary>
public static class PreviewGrid
{
    private const int Gap = 2;
    private const int UsualSide = 96;
    private const int MostPixels = 64 << 20;
    private const byte Paper = 255;

    /// <summary>
    /// Draws images row by row into a grid about as wide as high, every one in a cell as large as the largest image. Where even that is
    /// small, all are magnified by one whole factor, so that a pixel stays a square of one colour. Images that would make the grid larger
    /// than some 64 megapixels are shrunk, ones that cannot be decoded are left out.
    /// </summary>
    /// <param name="entries">Encoded images of any sizes.</param>
    /// <returns>RGB. Empty paper where no image can be decoded.</returns>
    public static Image Draw(IReadOnlyList<ImageSetEntry> entries)
    {
        var most = Math.Max(1, (int)Math.Sqrt(MostPixels / Math.Max(1, entries.Count)) - (2 * Gap));
        var images = new List<Image>();
        foreach (var entry in entries)
        {
            try
            {
                images.Add(ImageDecoder.Decode(entry.Encoded, channels: 3, image => Fitted(image, most)));
            }
            catch (ImageFormatException)
            {
                // Whoever uses the set counts it; a preview shows what there is.
            }
        }

        return Draw(images.Count > 0 ? images : [new Image(1, 1, 3, [Paper, Paper, Paper])]);
    }

    /// <summary>Draws images that are decoded already.</summary>
    /// <param name="images">At least one, of 1 or 3 channels.</param>
    internal static Image Draw(IReadOnlyList<Image> images)
    {
        var channels = images.Max(image => image.Channels);
        var (width, height) = (images.Max(image => image.Width), images.Max(image => image.Height));
        var factor = Math.Max(1, UsualSide / Math.Max(width, height));
        var columns = (int)Math.Ceiling(Math.Sqrt(images.Count));
        var rows = (images.Count + columns - 1) / columns;
        var (stepX, stepY) = ((width * factor) + Gap, (height * factor) + Gap);
        var (gridWidth, gridHeight) = ((columns * stepX) + Gap, (rows * stepY) + Gap);
        var pixels = GC.AllocateUninitializedArray<byte>(checked(gridWidth * gridHeight * channels));
        Array.Fill(pixels, Paper);
        for (var i = 0; i < images.Count; i++)
        {
            var (left, top) = (Gap + (i % columns * stepX), Gap + (i / columns * stepY));
            Magnify(Channels.Convert(images[i], channels), factor, pixels, gridWidth, left, top);
        }

        return new Image(gridWidth, gridHeight, channels, pixels);
    }

    private static Image Fitted(Image image, int most)
    {
        var longer = Math.Max(image.Width, image.Height);
        int Scaled(int side) => Math.Max(1, (int)((long)side * most / longer));
        return longer <= most ? image : Resampler.Resize(image, Scaled(image.Width), Scaled(image.Height), Interpolation.Bilinear);
    }

    private static void Magnify(Image image, int factor, byte[] target, int targetWidth, int left, int top)
    {
        var channels = image.Channels;
        for (var y = 0; y < image.Height * factor; y++)
        {
            var to = target.AsSpan((((top + y) * targetWidth) + left) * channels, image.Width * factor * channels);
            var from = image.Pixels.AsSpan(y / factor * image.Width * channels, image.Width * channels);
            for (var x = 0; x < image.Width * factor; x++)
                from.Slice(x / factor * channels, channels).CopyTo(to[(x * channels)..]);
        }
    }
}
