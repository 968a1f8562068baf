namespace Fewshot.Imaging;

/// <summary>The image files that are read.</summary>
internal enum ImageFormat
{
    Jpeg,
    Png,
    WebP,
    Bmp,
    Tiff,
    Gif,
}

/// <summary>What a file is by its first bytes. Nothing but this decides which decoder sees it.</summary>
internal static class ImageFormats
{
    /// <exception cref="ImageFormatException">None of the formats; the message says what it is instead, where that is known.</exception>
    public static ImageFormat Of(ReadOnlySpan<byte> encoded) => encoded switch
    {
        [0xff, 0xd8, 0xff, ..] => ImageFormat.Jpeg,
        [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => ImageFormat.Png,
        [(byte)'R', (byte)'I', (byte)'F', (byte)'F', _, _, _, _, (byte)'W', (byte)'E', (byte)'B', (byte)'P', ..] => ImageFormat.WebP,
        [(byte)'B', (byte)'M', ..] => ImageFormat.Bmp,
        [(byte)'I', (byte)'I', 42 or 43, 0, ..] or [(byte)'M', (byte)'M', 0, 42 or 43, ..] => ImageFormat.Tiff,
        [(byte)'G', (byte)'I', (byte)'F', (byte)'8', ..] => ImageFormat.Gif,
        _ => throw new ImageFormatException($"Not a JPEG, PNG, WebP, BMP, TIFF or GIF image: {Describe(encoded)}."),
    };

    private static string Describe(ReadOnlySpan<byte> encoded) => encoded switch
    {
        [] => "it is empty",
        [(byte)'%', (byte)'P', (byte)'D', (byte)'F', ..] => "it is a PDF",
        [(byte)'8', (byte)'B', (byte)'P', (byte)'S', ..] => "it is a Photoshop file",
        [0, 0, 1, 0, ..] => "it is an icon",
        [0xff, 0x0a, ..] or [0, 0, 0, 12, (byte)'J', (byte)'X', (byte)'L', (byte)' ', ..] => "it is a JPEG XL",
        [0, 0, 0, 12, (byte)'j', (byte)'P', ..] => "it is a JPEG 2000",
        [_, _, _, _, (byte)'f', (byte)'t', (byte)'y', (byte)'p', (byte)'a', (byte)'v', (byte)'i', ..] => "it is an AVIF",
        [_, _, _, _, (byte)'f', (byte)'t', (byte)'y', (byte)'p', ..] => "it is a HEIC image or a video",
        _ when IsMarkup(encoded) => "it is an SVG or another text",
        _ => $"it starts with {Convert.ToHexString(encoded[..Math.Min(8, encoded.Length)])}",
    };

    private static bool IsMarkup(ReadOnlySpan<byte> encoded)
    {
        var text = encoded.StartsWith("\ufeff"u8) ? encoded[3..] : encoded;
        return text.TrimStart(" \t\r\n"u8) is [(byte)'<', ..];
    }
}
