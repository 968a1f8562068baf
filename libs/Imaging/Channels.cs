namespace Fewshot.Imaging;

/// <summary>Between the channel layouts of files and those of networks, with Pillow's arithmetic.</summary>
internal static class Channels
{
    /// <summary>Grey to RGB by repetition, RGB to grey by ITU-R 601 luma.</summary>
    public static Image Convert(Image image, int channels)
    {
        if (image.Channels == channels)
            return image;
        var source = image.Pixels;
        var target = Pixels.Allocate(image.Width, image.Height, channels);
        if (channels == 3)
        {
            for (int i = 0, o = 0; i < source.Length; i++, o += 3)
                target[o] = target[o + 1] = target[o + 2] = source[i];
        }
        else
        {
            for (int i = 0, o = 0; o < target.Length; i += 3, o++)
                target[o] = (byte)(((source[i] * 19595) + (source[i + 1] * 38470) + (source[i + 2] * 7471) + 0x8000) >> 16);
        }

        return image with { Channels = channels, Pixels = target };
    }

    /// <summary>Drops the last channel, which is alpha.</summary>
    public static Image DropLast(Image image)
    {
        var (source, kept) = (image.Pixels, image.Channels - 1);
        var target = Pixels.Allocate(image.Width, image.Height, kept);
        for (int i = 0, o = 0; o < target.Length; i += kept + 1, o += kept)
        {
            for (var c = 0; c < kept; c++)
                target[o + c] = source[i + c];
        }

        return image with { Channels = kept, Pixels = target };
    }

    /// <summary>CMYK as Adobe stores it in JPEG (inverted: 255 is no ink) to RGB.</summary>
    public static Image FromAdobeCmyk(Image image)
    {
        var source = image.Pixels;
        var target = Pixels.Allocate(image.Width, image.Height, 3);
        for (int i = 0, o = 0; o < target.Length; i += 4, o += 3)
        {
            int light = source[i + 3];
            for (var c = 0; c < 3; c++)
                target[o + c] = (byte)(light - Share(255 - source[i + c], light));
        }

        return image with { Channels = 3, Pixels = target };
    }

    /// <summary>a * b / 255, rounded.</summary>
    private static int Share(int a, int b)
    {
        var product = (a * b) + 128;
        return ((product >> 8) + product) >> 8;
    }
}
