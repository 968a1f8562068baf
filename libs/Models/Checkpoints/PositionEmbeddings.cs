using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Models.Checkpoints;

/// <summary>Position embeddings <c>[1, T, D]</c> of a square grid of patches, for images of another size.</summary>
internal static class PositionEmbeddings
{
    /// <summary>Both are position embeddings of square grids, and differ in nothing but the grid.</summary>
    public static bool Differ(TensorSlot slot, long[] file) =>
        slot.ExtraTokens is { } extra && file is [1, _, _] && file[2] == slot.Shape[2] && file[1] != slot.Shape[1] && Side(file[1], extra) > 0;

    public static string Difference(TensorSlot slot, long[] file)
    {
        var (has, needs) = (Side(file[1], slot.ExtraTokens!.Value), Side(slot.Shape[1], slot.ExtraTokens.Value));
        return $"{slot.CheckpointName}: the file's is for {has}x{has} patches, images of this size have {needs}x{needs}; leave the size to the file, or ask for interpolation (--interpolate-positions)";
    }

    /// <summary>The embedding at the slot's grid, by bicubic interpolation as DeiT and timm do it; the same tensor where the grid is the slot's.</summary>
    public static Tensor Resampled(Tensor read, TensorSlot slot)
    {
        if (slot.ExtraTokens is not { } extra || read.shape[1] == slot.Shape[1])
            return read;
        using var scope = NewDisposeScope();
        scope.Attach(read);
        var (from, to, width) = (Side(read.shape[1], extra), Side(slot.Shape[1], extra), read.shape[2]);
        var grid = read.narrow(1, extra, from * from).reshape(1, from, from, width).permute(0, 3, 1, 2);
        var resized = nn.functional.interpolate(grid, size: [to, to], mode: InterpolationMode.Bicubic, align_corners: false);
        return cat([read.narrow(1, 0, extra), resized.permute(0, 2, 3, 1).reshape(1, to * to, width)], 1).MoveToOuterDisposeScope();
    }

    private static long Side(long tokens, int extra)
    {
        var side = (long)Math.Round(Math.Sqrt(Math.Max(0, tokens - extra)));
        return side * side == tokens - extra ? side : 0;
    }
}
