using Fewshot.Imaging;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Synthesis;

/// <summary>Between normalised pixels and 8-bit images.</summary>
internal static class ImageQuantisation
{
    /// <summary>The least and greatest normalised value of each channel, <c>[1, C, 1, 1]</c> each, in the caller's dispose scope.</summary>
    public static (Tensor Low, Tensor High) Range(Preprocessing preprocessing, Device device)
    {
        var mean = Channels(preprocessing.Mean, device);
        var std = Channels(preprocessing.Std, device);
        return (-mean / std, (1 - mean) / std);
    }

    /// <summary>Rounds to 8 bits.</summary>
    /// <returns>The images, and what a network is given of them: <c>[N, C, H, W]</c>, normalised, in the caller's dispose scope.</returns>
    public static (IReadOnlyList<Image> Images, Tensor Seen) Store(Tensor pixels, Preprocessing preprocessing)
    {
        using var scope = NewDisposeScope();
        var mean = Channels(preprocessing.Mean, pixels.device);
        var std = Channels(preprocessing.Std, pixels.device);
        var levels = ((pixels.detach() * std) + mean).mul(255).round().clamp(0, 255);
        var seen = (levels.div(255) - mean) / std;
        var (count, channels, height, width) = ((int)pixels.shape[0], (int)pixels.shape[1], (int)pixels.shape[2], (int)pixels.shape[3]);
        var bytes = levels.permute(0, 2, 3, 1).contiguous().to(ScalarType.Byte).cpu().data<byte>().ToArray();
        var each = height * width * channels;
        Image[] images = [.. Enumerable.Range(0, count).Select(i => new Image(width, height, channels, bytes[(i * each)..((i + 1) * each)]))];
        return (images, seen.MoveToOuterDisposeScope());
    }

    private static Tensor Channels(double[] values, Device device) =>
        tensor(values.Select(value => (float)value).ToArray(), device: device).view(1, -1, 1, 1);
}
