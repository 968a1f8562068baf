namespace Fewshot.Imaging;

/// <summary>
/// Between the channels of files and those of networks, with Pillow's arithmetic, which differs from libvips' in rounding.
/// </summary>
internal static class Channels
{
    /// <summary>To grey or RGB. Grey becomes RGB by repetition, RGB grey by ITU-R 601 luma.</summary>
    /// <param name="image">1, 3 or 4 channels; four are CMYK, 255 being full ink.</param>
    /// <param name="channels">1 or 3.</param>
    public static Image Convert(Image image, int channels) => (image.Channels, channels) switch
    {
        var (from, to) when from == to => image,
        (4, _) => Convert(FromCmyk(image), channels),
        (_, 3) => ToRgb(image),
        _ => ToGrey(image),
    };

    /// <summary>RGB of RGBA.</summary>
    public static Image DropAlpha(int width, int height, ReadOnlySpan<byte> source)
    {
        var target = GC.AllocateUninitializedArray<byte>(source.Length / 4 * 3);
        for (int i = 0, o = 0; o < target.Length; i += 4, o += 3)
            source.Slice(i, 3).CopyTo(target.AsSpan(o));
        return new Image(width, height, 3, target);
    }

    private static Image ToRgb(Image image)
    {
        var source = image.Pixels;
        var target = GC.AllocateUninitializedArray<byte>(source.Length * 3);
        for (int i = 0, o = 0; i < source.Length; i++, o += 3)
            target[o] = target[o + 1] = target[o + 2] = source[i];
        return image with { Channels = 3, Pixels = target };
    }

    private static Image ToGrey(Image image)
    {
        var source = image.Pixels;
        var target = GC.AllocateUninitializedArray<byte>(source.Length / 3);
        for (int i = 0, o = 0; o < target.Length; i += 3, o++)
            target[o] = (byte)(((source[i] * 19595) + (source[i + 1] * 38470) + (source[i + 2] * 7471) + 0x8000) >> 16);
        return image with { Channels = 1, Pixels = target };
    }

    private static Image FromCmyk(Image image)
    {
        var source = image.Pixels;
        var target = GC.AllocateUninitializedArray<byte>(source.Length / 4 * 3);
        for (int i = 0, o = 0; o < target.Length; i += 4, o += 3)
        {
            var light = 255 - source[i + 3];
            for (var c = 0; c < 3; c++)
                target[o + c] = (byte)(light - Share(source[i + c], light));
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
