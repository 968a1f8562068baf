namespace Fewshot.Imaging;

/// <summary>What <see cref="RandAugment"/> may do to an image.</summary>
internal enum RandAugmentOperation
{
    AutoContrast,
    Equalize,
    Invert,
    Rotate,
    Posterize,
    Solarize,
    SolarizeAdd,
    Color,
    Contrast,
    Brightness,
    Sharpness,
    ShearX,
    ShearY,
    TranslateX,
    TranslateY,
}

/// <summary>
/// RandAugment (Cubuk et al., arXiv 1909.13719) as DeiT trains with it, timm's <c>rand-m9-mstd0.5-inc1</c>: two operations out of fifteen, drawn
/// with replacement, each done with probability 1/2 at a magnitude of its own about 9 out of 10; a greater magnitude always changes more.
/// </summary>
internal static class RandAugment
{
    private const int Draws = 2;
    private const double Probability = 0.5, Magnitude = 9, Deviation = 0.5, MostMagnitude = 10;
    private static readonly int Operations = Enum.GetValues<RandAugmentOperation>().Length;

    /// <summary>Varies an image in place.</summary>
    /// <param name="image">The image.</param>
    /// <param name="interpolation">Of rotations, shears and shifts.</param>
    /// <param name="fill">What comes in from outside the image, per channel.</param>
    /// <param name="random">The image's random numbers.</param>
    public static void Apply(Planes image, Interpolation interpolation, ReadOnlySpan<byte> fill, ref Philox random)
    {
        for (var draw = 0; draw < Draws; draw++)
        {
            var operation = (RandAugmentOperation)random.NextInt32(Operations);
            if (random.NextDouble() >= Probability)
                continue;
            var magnitude = Math.Clamp(Magnitude + (Deviation * Normal(ref random)), 0, MostMagnitude);
            Apply(operation, magnitude / MostMagnitude, AugmentationLaws.Flip(ref random), image, interpolation, fill);
        }
    }

    /// <summary>One operation.</summary>
    /// <param name="operation">Which.</param>
    /// <param name="strength">From 0 to 1; some operations have none.</param>
    /// <param name="opposite">The other direction, where there are two.</param>
    /// <param name="image">The image.</param>
    /// <param name="interpolation">Of rotations, shears and shifts.</param>
    /// <param name="fill">What comes in from outside the image, per channel.</param>
    public static void Apply(
        RandAugmentOperation operation, double strength, bool opposite, Planes image, Interpolation interpolation, ReadOnlySpan<byte> fill)
    {
        var signed = opposite ? -strength : strength;
        var factor = (float)Math.Max(0.1, 1 + (0.9 * signed));
        switch (operation)
        {
            case RandAugmentOperation.AutoContrast:
                PixelTables.AutoContrast(image);
                break;
            case RandAugmentOperation.Equalize:
                PixelTables.Equalize(image);
                break;
            case RandAugmentOperation.Invert:
                PixelTables.Invert(image);
                break;
            case RandAugmentOperation.Rotate:
                Warp.Rotation(30 * signed, image.Side).Apply(image, interpolation, fill);
                break;
            case RandAugmentOperation.Posterize:
                PixelTables.Posterize(image, 4 - (int)(4 * strength));
                break;
            case RandAugmentOperation.Solarize:
                PixelTables.Solarize(image, 256 - (int)(256 * strength));
                break;
            case RandAugmentOperation.SolarizeAdd:
                PixelTables.SolarizeAdd(image, (int)(110 * strength));
                break;
            case RandAugmentOperation.Color:
                Enhancements.Color(image, factor);
                break;
            case RandAugmentOperation.Contrast:
                Enhancements.Contrast(image, factor);
                break;
            case RandAugmentOperation.Brightness:
                Enhancements.Brightness(image, factor);
                break;
            case RandAugmentOperation.Sharpness:
                Enhancements.Sharpness(image, factor);
                break;
            case RandAugmentOperation.ShearX:
                Warp.ShearX(0.3 * signed).Apply(image, interpolation, fill);
                break;
            case RandAugmentOperation.ShearY:
                Warp.ShearY(0.3 * signed).Apply(image, interpolation, fill);
                break;
            case RandAugmentOperation.TranslateX:
                Warp.TranslateX(0.45 * signed * image.Side).Apply(image, interpolation, fill);
                break;
            case RandAugmentOperation.TranslateY:
                Warp.TranslateY(0.45 * signed * image.Side).Apply(image, interpolation, fill);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(operation), operation, "Unknown operation.");
        }
    }

    /// <summary>Standard normal, by Box and Muller.</summary>
    private static double Normal(ref Philox random)
    {
        var radius = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()));
        return radius * Math.Cos(2 * Math.PI * random.NextDouble());
    }
}
