namespace Fewshot.Imaging;

/// <summary>torchvision's ColorJitter(0.3, 0.3, 0.3): brightness, contrast and saturation in random order, each by a factor from 0.7 to 1.3.</summary>
internal static class ColorJitter
{
    private const double Strength = 0.3;

    public static void Apply(Planes image, ref Philox random)
    {
        Span<int> order = [0, 1, 2];
        for (var i = order.Length - 1; i > 0; i--)
        {
            var j = random.NextInt32(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }

        foreach (var kind in order)
        {
            var factor = (float)random.NextDouble(1 - Strength, 1 + Strength);
            if (kind == 0)
                Enhancements.Brightness(image, factor);
            else if (kind == 1)
                Enhancements.Contrast(image, factor);
            else
                Enhancements.Color(image, factor);
        }
    }
}
