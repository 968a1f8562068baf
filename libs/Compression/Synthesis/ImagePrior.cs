using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Synthesis;

/// <summary>The terms that keep synthesised pixels like those of images.</summary>
internal static class ImagePrior
{
    private static readonly long[] AllButChannels = [0, 2, 3];

    /// <summary>Sum of the Euclidean norms of the differences between neighbours: right, down and both diagonals (beta = 1). <c>[N, C, H, W]</c> to a scalar.</summary>
    public static Tensor TotalVariation(Tensor x)
    {
        using var scope = NewDisposeScope();
        var (h, w) = (x.shape[2], x.shape[3]);
        var (left, right) = (x.narrow(3, 0, w - 1), x.narrow(3, 1, w - 1));
        var across = (left - right).norm();
        var down = (x.narrow(2, 0, h - 1) - x.narrow(2, 1, h - 1)).norm();
        var falling = (left.narrow(2, 0, h - 1) - right.narrow(2, 1, h - 1)).norm();
        var rising = (right.narrow(2, 0, h - 1) - left.narrow(2, 1, h - 1)).norm();
        return (across + down + falling + rising).MoveToOuterDisposeScope();
    }

    /// <summary>||mean - running mean|| + ||variance - running variance|| of what enters a norm, <c>[N, C, H, W]</c> (DeepInversion, equation 4).</summary>
    public static Tensor StatisticsDistance(Tensor input, Tensor runningMean, Tensor runningVariance)
    {
        using var scope = NewDisposeScope();
        var mean = input.mean(AllButChannels);
        var variance = (input * input).mean(AllButChannels) - (mean * mean);
        return ((mean - runningMean).norm() + (variance - runningVariance).norm()).MoveToOuterDisposeScope();
    }
}
