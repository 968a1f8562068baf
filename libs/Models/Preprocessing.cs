namespace Fewshot.Models;

/// <summary>How an image becomes the network's input; part of the network, never of a request.</summary>
/// <param name="Size">Side of the square input, pixels.</param>
/// <param name="Resize">Evaluation: the shorter side is resized to this many pixels before the centre crop of <paramref name="Size"/>; 0: no resize.</param>
/// <param name="Interpolation"><c>bilinear</c> or <c>bicubic</c>.</param>
/// <param name="Mean">Subtracted from each channel in [0, 1]; three of them, or one for greyscale images.</param>
/// <param name="Std">What each channel is then divided by; positive.</param>
/// <param name="Augmentation">Training: <c>none</c>, <c>flip</c>, <c>padded_crop_flip</c>, <c>random_resized_crop_flip</c> or <c>rand_augment</c>.</param>
/// <param name="ResizeBothSides">Evaluation: both sides are resized to <paramref name="Resize"/>, whatever the aspect ratio.</param>
public sealed record Preprocessing(
    int Size, int Resize, string Interpolation, double[] Mean, double[] Std, string Augmentation, bool ResizeBothSides = false)
{
    /// <summary>Channels of the input: 3, or 1 for greyscale.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public int Channels => Mean.Length;

    /// <summary>The names <see cref="Interpolation"/> takes.</summary>
    public static IReadOnlyList<string> Interpolations { get; } = ["bilinear", "bicubic"];

    /// <summary>The names <see cref="Augmentation"/> takes.</summary>
    public static IReadOnlyList<string> Augmentations { get; } = ["none", "flip", "padded_crop_flip", "random_resized_crop_flip", "rand_augment"];

    /// <summary>torchvision's: 256 -> 224 bilinear, ImageNet mean and standard deviation.</summary>
    public static Preprocessing ImageNet { get; } =
        new(224, 256, "bilinear", [0.485, 0.456, 0.406], [0.229, 0.224, 0.225], "random_resized_crop_flip");

    /// <summary>32x32 as it is, ImageNet mean and standard deviation, pad-4 random crop and flip (He et al. 2015, section 4.2).</summary>
    public static Preprocessing Cifar { get; } = ImageNet with { Size = 32, Resize = 0, Augmentation = "padded_crop_flip" };

    /// <summary>For images of another size, resized in the same proportion (small ones not at all, and varied as CIFAR images are), and as many channels.</summary>
    internal Preprocessing At(int size, int channels) => this with
    {
        Size = size,
        Resize = size < 64 ? 0 : (int)Math.Round((double)Resize * size / Size),
        Augmentation = size < 64 ? Cifar.Augmentation : Augmentation,
        Mean = channels == Mean.Length ? Mean : [.. Enumerable.Repeat(Mean.Average(), channels)],
        Std = channels == Std.Length ? Std : [.. Enumerable.Repeat(Std.Average(), channels)],
    };

    /// <summary>Checks every field.</summary>
    /// <exception cref="InvalidSpecException">A field is out of its range.</exception>
    public Preprocessing Checked()
    {
        if (Size is < 8 or > 4096)
            throw new InvalidSpecException($"preprocessing.size is {Size}; it takes 8 to 4096 pixels.");
        if (Resize is < 0 or > 8192 || (Resize > 0 && Resize < Size))
            throw new InvalidSpecException($"preprocessing.resize is {Resize}; it takes 0 (no resize) or {Size} (the size) to 8192 pixels.");
        if (!Interpolations.Contains(Interpolation, StringComparer.Ordinal))
            throw new InvalidSpecException($"preprocessing.interpolation takes one of {string.Join(", ", Interpolations)}.");
        if (!Augmentations.Contains(Augmentation, StringComparer.Ordinal))
            throw new InvalidSpecException($"preprocessing.augmentation takes one of {string.Join(", ", Augmentations)}.");
        if (Mean is not { Length: 1 or 3 } || !Mean.All(double.IsFinite))
            throw new InvalidSpecException("preprocessing.mean takes one or three finite numbers, one for each channel.");
        if (Std is null || Std.Length != Mean.Length || !Std.All(value => double.IsFinite(value) && value > 0))
            throw new InvalidSpecException("preprocessing.std takes positive numbers, as many as mean.");
        return this;
    }

    /// <summary>Equal by value, the arrays included.</summary>
    public bool Equals(Preprocessing? other) =>
        other is not null && (Size, Resize, Interpolation, Augmentation, ResizeBothSides)
            == (other.Size, other.Resize, other.Interpolation, other.Augmentation, other.ResizeBothSides)
        && Mean.AsSpan().SequenceEqual(other.Mean) && Std.AsSpan().SequenceEqual(other.Std);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Size, Resize, Interpolation, Augmentation, Mean[0], Std[0]);
}
