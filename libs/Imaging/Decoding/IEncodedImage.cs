namespace Fewshot.Imaging;

/// <summary>An image file of which only the header has been read.</summary>
internal interface IEncodedImage : IDisposable
{
    /// <summary>Pixels a row as the file has them.</summary>
    int Width { get; }

    /// <summary>Rows as the file has them.</summary>
    int Height { get; }

    /// <summary>Pixels that decoding has in memory: those of the image, or of one tile where the file has larger ones.</summary>
    long DecodedPixels { get; }

    /// <summary>The camera was held upright: width and height change places when the image is turned.</summary>
    bool SwapsSides { get; }

    /// <summary>Decodes, drops transparency and turns the image upright.</summary>
    /// <param name="channels">1 or 3.</param>
    /// <exception cref="ImageFormatException">Damaged, truncated, or of a kind that is not supported.</exception>
    Image Decode(int channels);
}
