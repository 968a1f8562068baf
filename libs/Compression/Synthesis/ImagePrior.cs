using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Synthesis;

/// <summary>
/// The terms that keep synthesised pixels like those of images (methods.md, section 4): total variation <c>sum_k ||d_k||_2^beta</c> over the differences
/// between neighbours right, down and on both diagonals, and the Euclidean norm; both over the whole batch. Their gradients are known, so that no graph is
/// recorded: d/d(d_k) = beta ||d_k||^(beta - 2) d_k.
/// </summary>
internal sealed class ImagePrior(double variationWeight, double beta, double normWeight)
{
    // Below it a norm's direction means nothing, and its inverse would overflow.
    private const double Smallest = 1e-12;

    // Where the two neighbours of each difference begin: row and column of the minuend, then of the subtrahend.
    private static readonly (int Down, int Right, int OtherDown, int OtherRight)[] Pairs = [(0, 0, 0, 1), (0, 0, 1, 0), (0, 0, 1, 1), (1, 0, 0, 1)];

    /// <summary>Adds the terms' gradient to another.</summary>
    /// <param name="x"><c>[N, C, H, W]</c>, at least 2 pixels high and wide.</param>
    /// <param name="gradient">Like <paramref name="x"/>.</param>
    /// <returns>Total variation and Euclidean norm without their weights, scalars in the caller's dispose scope.</returns>
    public (Tensor Variation, Tensor Norm) AddGradient(Tensor x, Tensor gradient)
    {
        using var guard = no_grad();
        using var scope = NewDisposeScope();
        var norm = x.norm();
        gradient.addcmul_(x, normWeight / norm.clamp_min(Smallest), 1);
        var variation = zeros_like(norm);
        var (height, width) = (x.shape[2], x.shape[3]);
        foreach (var (down, right, otherDown, otherRight) in Pairs)
        {
            using var inner = NewDisposeScope();
            var (rows, columns) = (height - Math.Max(down, otherDown), width - Math.Max(right, otherRight));
            Tensor One(Tensor map) => map.narrow(2, down, rows).narrow(3, right, columns);
            Tensor Other(Tensor map) => map.narrow(2, otherDown, rows).narrow(3, otherRight, columns);
            var difference = One(x) - Other(x);
            var length = difference.norm();
            variation.add_(length.pow(beta));
            // Not addcmul, which on such cut-outs takes three times as long.
            difference.mul_(length.clamp_min(Smallest).pow(beta - 2) * (variationWeight * beta));
            One(gradient).add_(difference);
            Other(gradient).sub_(difference);
        }

        return (variation.MoveToOuterDisposeScope(), norm.MoveToOuterDisposeScope());
    }
}
