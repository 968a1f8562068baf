using Fewshot.Artifacts;
using Fewshot.Compression;
using Fewshot.Imaging;
using Fewshot.Models;
using Fewshot.ServiceDefaults;
using static TorchSharp.torch;

namespace Fewshot.StageDefaults;

/// <summary>Image sets of a step's request.</summary>
public static class StepImages
{
    /// <summary>
    /// Reads and decodes an image set. Images that cannot be used are skipped; the log says how many, and why the first few.
    /// </summary>
    /// <param name="step">The step.</param>
    /// <param name="imageSet">The set's artifact.</param>
    /// <inheritdoc cref="NetworkImages.Load"/>
    public static ImageBatches LoadImages(
        this StepContext step, Digest imageSet, Preprocessing preprocessing, Device device, bool augmented)
    {
        var images = NetworkImages.Load(step.Materialize(imageSet), preprocessing, device, augmented);
        if (images.Skipped > 0)
        {
            var reasons = string.Join(" ", images.SkipReasons);
            step.Warn($"skipped {images.Skipped} unusable images of set {imageSet}, {images.Count} are used: {reasons}");
        }

        return images;
    }
}
