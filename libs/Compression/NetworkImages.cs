using Fewshot.Imaging;
using Fewshot.Models;
using static TorchSharp.torch;

namespace Fewshot.Compression;

/// <summary>An image set as a network's own preprocessing wants it.</summary>
public static class NetworkImages
{
    /// <summary>Reads and decodes an image set once.</summary>
    /// <param name="path">An image set file.</param>
    /// <param name="preprocessing">The network's.</param>
    /// <param name="device">Where the batches go.</param>
    /// <param name="augmented">Whether training batches follow the network's augmentation law; they are evaluation batches otherwise.</param>
    /// <exception cref="ImageSetException">No image set, or none of its images can be decoded.</exception>
    public static ImageBatches Load(string path, Preprocessing preprocessing, Device device, bool augmented)
    {
        var set = ImageSetFile.Read(path);
        var transform = TransformOf(preprocessing);
        return new(set, set.Prepared ? transform with { Resize = 0 } : transform, device, augmented ? LawOf(preprocessing.Augmentation) : Augmentation.None);
    }

    /// <summary>The transform without anything random.</summary>
    public static EvaluationTransform TransformOf(Preprocessing preprocessing) => new(
        preprocessing.Size,
        preprocessing.Resize,
        preprocessing.ResizeBothSides,
        preprocessing.Interpolation == "bicubic" ? Interpolation.Bicubic : Interpolation.Bilinear,
        [.. preprocessing.Mean],
        [.. preprocessing.Std]);

    private static Augmentation LawOf(string name) => name switch
    {
        "none" => Augmentation.None,
        "flip" => Augmentation.Flip,
        "padded_crop_flip" => Augmentation.PaddedCropFlip,
        "random_resized_crop_flip" => Augmentation.RandomResizedCropFlip,
        "rand_augment" => Augmentation.RandAugment,
        _ => throw new CompressionException($"preprocessing.augmentation: '{name}' is unknown to this version"),
    };
}
