using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Models;

/// <summary>
/// A learned bias for every offset of two positions of a window (Liu et al., arXiv 2103.14030, equation 4), one for each head. What follows from the
/// sizes alone, the offsets' rows and the mask of shifted windows, is made once for each size of the map and kept.
/// </summary>
internal sealed class RelativePositions : Layer
{
    private readonly TensorSlot table;
    private readonly Dictionary<WindowGrid, Tensor> masks = [];
    private readonly Lock gate = new(); // the halves of a batch may pass at the same time
    private readonly long window;
    private Tensor? rows;

    public RelativePositions(string name, string checkpointName, long window, long heads)
        : base(name)
    {
        this.window = window;
        var offsets = (2 * window) - 1;
        table = new TensorSlot($"{checkpointName}.relative_position_bias_table", [offsets * offsets, heads], trainable: true, Initial.Normal002);
        Slots = [table];
    }

    internal override IReadOnlyList<TensorSlot> Slots { get; }

    /// <summary>What is added to the scores, <c>[heads, positions, positions]</c> or, in shifted windows, <c>[windows, heads, positions, positions]</c>.</summary>
    public Tensor Bias(WindowGrid grid)
    {
        using var scope = NewDisposeScope();
        Tensor? mask;
        lock (gate)
        {
            rows ??= Kept(() => tensor(Rows(), device: table.Value.device));
            if (!masks.TryGetValue(grid, out mask) && grid.Mask() is { } values)
                masks.Add(grid, mask = Kept(() => tensor(values, dtype: table.Value.dtype, device: table.Value.device).view(grid.Count, 1, grid.Area, grid.Area)));
        }

        var bias = table.Value.index_select(0, rows).view(grid.Area, grid.Area, -1).permute(2, 0, 1).contiguous();
        return (mask is null ? bias : bias + mask).MoveToOuterDisposeScope();
    }

    internal override void To(Device device, ScalarType dtype)
    {
        base.To(device, dtype);
        Forget();
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        Forget();
    }

    // Not in inference mode, whatever runs now: such a tensor could never be part of a training step.
    private static Tensor Kept(Func<Tensor> make)
    {
        using var mode = inference_mode(false);
        using var guard = no_grad();
        return make().DetachFromDisposeScope();
    }

    private void Forget()
    {
        foreach (var mask in masks.Values)
            mask.Dispose();
        masks.Clear();
        rows?.Dispose();
        rows = null;
    }

    /// <summary>For each pair of positions the row of their offset.</summary>
    private long[] Rows()
    {
        var (area, offsets) = (window * window, (2 * window) - 1);
        var result = new long[area * area];
        for (long one = 0, at = 0; one < area; one++)
        {
            for (long other = 0; other < area; other++)
                result[at++] = (((one / window) - (other / window) + window - 1) * offsets) + (one % window) - (other % window) + window - 1;
        }

        return result;
    }
}
