namespace Fewshot.Imaging;

/// <summary>Many images as one picture.</summary>
public static class PreviewGrid
{
    private const int Gap = 2;
    private const int UsualSide = 96;
    private const byte Paper = 255;

    /// <summary>
    /// Draws images row by row into a grid about as wide as high, every one in a cell as large as the largest image. Where even that is small, all are
    /// magnified by one whole factor, so that a pixel stays a square of one colour.
    /// </summary>
    /// <param name="images">At least one, of any sizes and 1 or 3 channels.</param>
    /// <returns>Grey where all images are grey, else RGB.</returns>
    public static Image Draw(IReadOnlyList<Image> images)
    {
        ArgumentOutOfRangeException.ThrowIfZero(images.Count, nameof(images));
        var channels = images.Max(image => image.Channels);
        var (width, height) = (images.Max(image => image.Width), images.Max(image => image.Height));
        var factor = Math.Max(1, UsualSide / Math.Max(width, height));
        var columns = (int)Math.Ceiling(Math.Sqrt(images.Count));
        var rows = (images.Count + columns - 1) / columns;
        var (stepX, stepY) = ((width * factor) + Gap, (height * factor) + Gap);
        var (gridWidth, gridHeight) = ((columns * stepX) + Gap, (rows * stepY) + Gap);
        var pixels = Pixels.Allocate(gridWidth, gridHeight, channels);
        Array.Fill(pixels, Paper);
        for (var i = 0; i < images.Count; i++)
        {
            var (left, top) = (Gap + (i % columns * stepX), Gap + (i / columns * stepY));
            Magnify(Channels.Convert(images[i], channels), factor, pixels, gridWidth, left, top);
        }

        return new Image(gridWidth, gridHeight, channels, pixels);
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
