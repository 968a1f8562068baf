namespace Fewshot.Imaging;

/// <summary>What is done to every image before a network sees it when nothing is random.</summary>
/// <param name="Size">Height and width the network takes.</param>
/// <param name="Resize">Pixels the shorter side is resized to before the centre crop, not below <paramref name="Size"/>. 0: images that are not
/// <paramref name="Size"/> square already are resized to it straight.</param>
/// <param name="ResizeBothSides">Both sides are resized to <paramref name="Resize"/>, which gives up the aspect ratio and loses no border.</param>
/// <param name="Interpolation">Filter of the resizing, always antialiased.</param>
/// <param name="Mean">Per channel, of values from 0 to 1; its length (1 or 3) is the number of channels.</param>
/// <param name="Std">Per channel.</param>
public sealed record EvaluationTransform(int Size, int Resize, bool ResizeBothSides, Interpolation Interpolation, double[] Mean, double[] Std)
{
    /// <summary>Number of channels.</summary>
    public int Channels => Mean.Length;

    /// <summary>Resizes and centre-crops a decoded image; the arithmetic and rounding are torchvision's.</summary>
    /// <returns>Size x Size pixels, interleaved.</returns>
    public Image Apply(Image image)
    {
        if (Resize == 0 || ResizeBothSides)
        {
            var side = Resize == 0 ? Size : Resize;
            return Resampler.Resize(image, new(0, 0, image.Width, image.Height), side, side, Centre(side, side), Interpolation);
        }

        var (width, height) = image.Width <= image.Height
            ? (Resize, (int)((long)Resize * image.Height / image.Width))
            : ((int)((long)Resize * image.Width / image.Height), Resize);
        // Only the crop is computed, so that an extreme aspect ratio costs nothing.
        return Resampler.Resize(image, new(0, 0, image.Width, image.Height), width, height, Centre(width, height), Interpolation);
    }

    /// <exception cref="ArgumentException">The numbers do not fit together.</exception>
    internal void Check()
    {
        if (Size < AugmentationLaws.Padding || (Resize != 0 && Resize < Size))
            throw new ArgumentException($"Images of {Size} pixels (from {AugmentationLaws.Padding}) cannot be cropped from ones resized to {Resize}.");
        if (Mean.Length is not (1 or 3) || Std.Length != Mean.Length || Std.Any(s => !(s > 0)))
            throw new ArgumentException($"Mean and std need one positive number each for 1 or 3 channels, not {Mean.Length} and {Std.Length}.");
    }

    private PixelBox Centre(int width, int height) =>
        new((int)Math.Round((width - Size) / 2.0, MidpointRounding.ToEven), (int)Math.Round((height - Size) / 2.0, MidpointRounding.ToEven), Size, Size);
}
