using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Synthesis;

/// <summary>One frozen batch norm: what it does, and how far the statistics of what enters it are from its own.</summary>
internal sealed class WatchedNorm : IDisposable
{
    private const double FirstLayerWeight = 10, Smallest = 1e-12;
    private readonly Tensor scale, shift;
    private readonly Tensor?[] sums;
    private readonly double share, weight;

    /// <param name="unit">Unfolded, on its device.</param>
    /// <param name="weight">Of the whole penalty in the loss.</param>
    /// <param name="parts">Parts of a batch.</param>
    public WatchedNorm(ConvUnit unit, double weight, bool isFirst, int parts)
    {
        share = isFirst ? FirstLayerWeight : 1;
        (Unit, this.weight, sums) = (unit, weight * share, new Tensor?[parts]);
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var (factor, offset) = unit.Norm!.Affine();
        scale = PerChannel(factor).DetachFromDisposeScope();
        shift = PerChannel(offset).DetachFromDisposeScope();
    }

    public ConvUnit Unit { get; }

    /// <summary>The norm of a map, <c>[N, C, H, W]</c>.</summary>
    public Tensor Forward(Tensor map) => shift.addcmul(map, scale, 1);

    /// <summary>Takes a part's sums.</summary>
    public void Add(int part, Tensor map)
    {
        using var scope = NewDisposeScope();
        // Channels lie side by side in memory, so this is a view.
        var rows = map.permute(0, 2, 3, 1).reshape(-1, map.shape[1]);
        sums[part] = stack([rows.sum([0]), rows.square().sum([0])]).DetachFromDisposeScope();
    }

    /// <summary>The distance of the whole batch, without its weight, and the weighted distance's gradient by a part's map; all parts have added theirs.</summary>
    public (Tensor Distance, Tensor Gradient) Penalty(Tensor map, long images)
    {
        using var scope = NewDisposeScope();
        var count = images * map.shape[2] * map.shape[3];
        var moments = (sums.Length == 1 ? sums[0]! : stack([.. sums!]).sum([0])) / count;
        var mean = moments.select(0, 0);
        var off = mean - Unit.Norm!.RunningMean;
        var spread = moments.select(0, 1) - (mean * mean) - Unit.Norm.RunningVar;
        var (offNorm, spreadNorm) = (off.norm(), spread.norm());
        var a = spread * (2 * weight / count / spreadNorm.clamp_min(Smallest));
        var b = (off * (weight / count / offNorm.clamp_min(Smallest))) - (a * mean);
        var gradient = b.view(1, -1, 1, 1).addcmul(map, a.view(1, -1, 1, 1), 1);
        return (((offNorm + spreadNorm) * share).MoveToOuterDisposeScope(), gradient.MoveToOuterDisposeScope());
    }

    /// <summary>Frees the sums.</summary>
    public void Forget()
    {
        for (var part = 0; part < sums.Length; part++)
        {
            sums[part]?.Dispose();
            sums[part] = null;
        }
    }

    public void Dispose()
    {
        Unit.InsteadOfNorm = null;
        Forget();
        scale.Dispose();
        shift.Dispose();
    }

    private static Tensor PerChannel(Tensor values) => values.to(ScalarType.Float32).view(1, -1, 1, 1);
}
