namespace Fewshot.Imaging;

/// <summary>What is random about a training image.</summary>
public enum Augmentation
{
    /// <summary>Nothing: the evaluation transform.</summary>
    None,

    /// <summary>Horizontal flip, every other time.</summary>
    Flip,

    /// <summary>Four black pixels added to every side, a random crop of the old size, and a flip.</summary>
    PaddedCropFlip,

    /// <summary>A crop of 8 % to 100 % of the area and an aspect ratio of 3/4 to 4/3, resized, and a flip.</summary>
    RandomResizedCropFlip,

    /// <summary>
    /// DC-ViT's training transform: <see cref="RandomResizedCropFlip"/>, or <see cref="PaddedCropFlip"/> where the network takes less than 64
    /// pixels; then RandAugment at magnitude 9; then brightness, contrast and saturation changed by up to 30 %.
    /// </summary>
    RandAugment,
}

/// <summary>The laws of <see cref="Augmentation"/>, as torchvision has them; what is drawn depends on (seed, iteration, position) alone.</summary>
internal static class AugmentationLaws
{
    public const int Padding = 4;
    private const int SmallSize = 64;
    private const byte ForAugmentation = 2;

    /// <summary>The law by which an image is cropped and mirrored.</summary>
    public static Augmentation CropOf(Augmentation augmentation, int size) => augmentation != Augmentation.RandAugment ? augmentation
        : size < SmallSize ? Augmentation.PaddedCropFlip
        : Augmentation.RandomResizedCropFlip;

    public static Philox RandomFor(ulong seed, long iteration, int position) => new(seed, iteration, position, ForAugmentation);

    public static bool Flip(ref Philox random) => random.NextUInt32() >= 1u << 31;

    /// <summary>Upper left corner of a padded crop relative to the unpadded image, from -4 to 4.</summary>
    public static (int X, int Y) PaddedCrop(ref Philox random)
    {
        var y = random.NextInt32((2 * Padding) + 1) - Padding;
        return (random.NextInt32((2 * Padding) + 1) - Padding, y);
    }

    /// <summary>RandomResizedCrop: ten tries, then the largest centre crop whose ratio is allowed.</summary>
    public static PixelBox ResizedCrop(int width, int height, ref Philox random)
    {
        const double leastScale = 0.08, leastRatio = 3.0 / 4, mostRatio = 4.0 / 3;
        var area = (double)width * height;
        for (var attempt = 0; attempt < 10; attempt++)
        {
            var target = area * random.NextDouble(leastScale, 1);
            var ratio = Math.Exp(random.NextDouble(Math.Log(leastRatio), Math.Log(mostRatio)));
            var w = (int)Math.Round(Math.Sqrt(target * ratio), MidpointRounding.ToEven);
            var h = (int)Math.Round(Math.Sqrt(target / ratio), MidpointRounding.ToEven);
            if (w < 1 || h < 1 || w > width || h > height)
                continue;
            var y = random.NextInt32(height - h + 1);
            return new PixelBox(random.NextInt32(width - w + 1), y, w, h);
        }

        var aspect = (double)width / height;
        var cropWidth = aspect > mostRatio ? (int)Math.Round(height * mostRatio, MidpointRounding.ToEven) : width;
        var cropHeight = aspect < leastRatio ? (int)Math.Round(width / leastRatio, MidpointRounding.ToEven) : height;
        return new PixelBox((width - cropWidth) / 2, (height - cropHeight) / 2, cropWidth, cropHeight);
    }
}
