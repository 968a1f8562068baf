using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Fewshot.Models;

/// <summary>Self-attention within windows of a map <c>[N, H, W, C]</c>, with relative positions (Liu et al., arXiv 2103.14030, section 3.2).</summary>
/// <param name="window">Side of a window.</param>
/// <param name="shifted">Windows are shifted by half of their side.</param>
internal sealed class WindowAttention(Attention module, RelativePositions positions, long window, bool shifted)
{
    public IReadOnlyList<Layer> Layers { get; } = [module.Norm, positions, module.Qkv, module.Projection];

    /// <summary>What follows <see cref="Heads"/> and writes the stream.</summary>
    public Linear Projection => module.Projection;

    /// <summary>The heads' outputs side by side, <c>[N, H, W, C]</c>; the only tensor left alive.</summary>
    public Tensor Heads(Tensor x)
    {
        using var scope = NewDisposeScope();
        var grid = WindowGrid.Over(new MapSize(x.shape[1], x.shape[2]), window, shifted);
        var (count, width) = (x.shape[0] * grid.Count, module.Projection.Inputs);
        var windows = grid.Cut(module.Norm.Forward(x)).view(count, grid.Area, width);
        // Only windows that differ in their masks stay apart from the images: kernels are at their best on [batch, head, position, ..].
        var bias = positions.Bias(grid);
        long[] batch = bias.dim() == 3 ? [count] : [x.shape[0], grid.Count];
        var qkv = module.Qkv.Forward(windows).view([.. batch, grid.Area, 3, module.Heads, width / module.Heads]).unbind(-3);
        var heads = F.scaled_dot_product_attention(qkv[0].transpose(-3, -2), qkv[1].transpose(-3, -2), qkv[2].transpose(-3, -2), bias).transpose(-3, -2);
        return grid.Join(heads.reshape(x.shape[0], grid.Count, grid.Area, width)).MoveToOuterDisposeScope();
    }

    /// <summary>Padding is computed like any position, but for the projection.</summary>
    public long Macs(MapSize map, MacsConvention convention)
    {
        var grid = WindowGrid.Over(map, window, shifted);
        var padded = grid.Count * grid.Area;
        var products = convention == MacsConvention.Standard ? 2 * padded * grid.Area * module.Projection.Inputs : 0;
        return module.Norm.Macs(map.Area, convention) + (padded * module.Qkv.Macs) + products + (map.Area * module.Projection.Macs);
    }
}
