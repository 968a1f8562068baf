using static TorchSharp.torch;

namespace Fewshot.Models;

/// <summary>The order of elements in memory; shapes stay <c>[N, C, H, W]</c>.</summary>
internal static class Layout
{
    /// <summary>A tensor with the channels of one position side by side; copies only where they are not yet.</summary>
    public static Tensor ChannelsLast(Tensor map)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        return map.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }
}
