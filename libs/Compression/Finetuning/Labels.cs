using Fewshot.Imaging;

namespace Fewshot.Compression.Finetuning;

internal static class Labels
{
    /// <summary>Every image's class index, checked against the network's class count.</summary>
    /// <exception cref="CompressionException">A label is missing or out of range.</exception>
    public static long[] Of(ImageBatches images, int classes)
    {
        var labels = new long[images.Count];
        for (var i = 0; i < labels.Length; i++)
        {
            labels[i] = images.Labels[i]
                ?? throw new CompressionException("image set: labels are needed here; put the images into one folder per class, or give a list file with labels");
            if (labels[i] >= classes)
                throw new CompressionException($"image set: label {labels[i]} of image {i} is outside the network's {classes} classes");
        }

        return labels;
    }
}
