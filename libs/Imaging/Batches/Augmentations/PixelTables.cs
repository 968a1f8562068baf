namespace Fewshot.Imaging;

/// <summary>Operations that look every value up in a table of 256, as Pillow's ImageOps computes them.</summary>
internal static class PixelTables
{
    private const int Values = 256;

    /// <summary>Stretches each channel to 0 .. 255.</summary>
    public static void AutoContrast(Planes image)
    {
        Span<byte> table = stackalloc byte[Values];
        for (var c = 0; c < image.Channels; c++)
        {
            byte low = 255, high = 0;
            foreach (var value in image[c])
                (low, high) = (Math.Min(low, value), Math.Max(high, value));
            if (high <= low)
                continue;
            var scale = 255.0 / (high - low);
            var offset = -low * scale;
            for (var i = 0; i < Values; i++)
                table[i] = (byte)Math.Clamp((int)((i * scale) + offset), 0, 255);
            Apply(image[c], table);
        }
    }

    /// <summary>Gives each channel as even a histogram as a table can.</summary>
    public static void Equalize(Planes image)
    {
        Span<byte> table = stackalloc byte[Values];
        Span<int> histogram = stackalloc int[Values];
        for (var c = 0; c < image.Channels; c++)
        {
            histogram.Clear();
            foreach (var value in image[c])
                histogram[value]++;
            var last = Values - 1;
            while (histogram[last] == 0)
                last--;
            var step = (image[c].Length - histogram[last]) / 255;
            if (step == 0)
                continue;
            var sum = step / 2;
            for (var i = 0; i < Values; i++)
            {
                table[i] = (byte)Math.Min(sum / step, 255);
                sum += histogram[i];
            }

            Apply(image[c], table);
        }
    }

    public static void Invert(Planes image) => Solarize(image, 0);

    /// <summary>Keeps the upper bits, 0 to 8 of them.</summary>
    public static void Posterize(Planes image, int bits)
    {
        Span<byte> table = stackalloc byte[Values];
        for (var i = 0; i < Values; i++)
            table[i] = (byte)(i & ~((1 << (8 - bits)) - 1));
        Apply(image.Values, table);
    }

    /// <summary>Inverts values from a threshold on.</summary>
    public static void Solarize(Planes image, int threshold)
    {
        Span<byte> table = stackalloc byte[Values];
        for (var i = 0; i < Values; i++)
            table[i] = (byte)(i < threshold ? i : 255 - i);
        Apply(image.Values, table);
    }

    /// <summary>Brightens the dark half.</summary>
    public static void SolarizeAdd(Planes image, int addend)
    {
        Span<byte> table = stackalloc byte[Values];
        for (var i = 0; i < Values; i++)
            table[i] = (byte)(i < 128 ? Math.Min(i + addend, 255) : i);
        Apply(image.Values, table);
    }

    /// <summary>Moves every value away from one grey, or towards it.</summary>
    public static void Blend(Planes image, byte grey, float factor)
    {
        Span<byte> table = stackalloc byte[Values];
        for (var i = 0; i < Values; i++)
            table[i] = (byte)Math.Clamp(grey + (factor * (i - grey)), 0, 255);
        Apply(image.Values, table);
    }

    private static void Apply(Span<byte> values, ReadOnlySpan<byte> table)
    {
        foreach (ref var value in values)
            value = table[value];
    }
}
