using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Fewshot.Models;

/// <summary>
/// A convolution followed by batch normalisation; what follows is the block's business. With adaptors (PRACTISE, arXiv 2202.07861, section 3.2):
/// <c>norm(after * (W * (before * x)))</c>. After <see cref="Network.Folded"/> the norm is part of weight and bias; adaptors then still stand
/// between convolution and norm.
/// </summary>
public sealed class ConvUnit : Unit
{
    private readonly NetworkMode mode;
    private TensorSlot weight;
    private TensorSlot? bias;
    private TensorSlot[] slots;
    private Tensor? unfolded, scale;   // of a folded unit that adaptors may stand at: its weight before folding, and the norm's scale [out]

    internal ConvUnit(
        string name, string checkpointName, string normCheckpointName, long inputs, long outputs, long kernel, long stride, long groups,
        StreamRole role, NetworkMode mode, Initial initial)
        : base(name, inputs, outputs, role)
    {
        this.mode = mode;
        (Kernel, Stride, Padding, Groups) = (kernel, stride, kernel / 2, groups);
        var fan = kernel * kernel * (initial == Initial.KaimingFanOut ? outputs : inputs) / groups;
        weight = new TensorSlot($"{checkpointName}.weight", [outputs, inputs / groups, kernel, kernel], trainable: true, initial, fan);
        Norm = new BatchNorm(normCheckpointName, outputs);
        slots = [weight, .. Norm.Slots];
    }

    /// <summary>Side of the square kernel.</summary>
    public long Kernel { get; }

    /// <summary>Stride of both directions.</summary>
    public long Stride { get; }

    /// <summary>Zeros on every side.</summary>
    public long Padding { get; }

    /// <summary>Groups; equal to the channels in depthwise convolutions.</summary>
    public long Groups { get; }

    /// <summary><c>[out, in / groups, k, k]</c>.</summary>
    public override Tensor Weight => weight.Value;

    /// <summary><c>[out]</c>, what folding left of the norm; null before.</summary>
    public Tensor? Bias => bias?.Value;

    /// <summary>The norm; null once folded.</summary>
    public BatchNorm? Norm { get; private set; }

    /// <summary>Stands in for the norm of an unfolded unit: makes of what enters it, <c>[N, out, H', W']</c>, a new tensor; null: the norm itself.</summary>
    public Func<Tensor, Tensor>? InsteadOfNorm { get; set; }

    internal override IReadOnlyList<TensorSlot> Slots => slots;

    /// <summary><c>[N, in, H, W] -> [N, out, H', W']</c>. The result is the only tensor left alive; it may be changed in place.</summary>
    public override Tensor Forward(Tensor x)
    {
        BeforeUnit?.Invoke(x);
        if (IsAdapted)
            return ForwardAdapted(x);
        if (Norm is null)
            return Convolve(x, Weight, Bias);
        using var map = Convolve(x, Weight, null);
        return InsteadOfNorm is null ? Norm.Forward(map, mode.Training) : InsteadOfNorm(map);
    }

    /// <summary>Multiplies the adaptors into the weight in float64 and takes them away: the output stays the same to rounding.</summary>
    /// <exception cref="InvalidOperationException">The unit is folded.</exception>
    public override void MergeAdaptors()
    {
        if (Norm is null)
            throw new InvalidOperationException($"{Name} is folded: merge adaptors into the network it was folded from.");
        if (!IsAdapted)
            return;
        using var guard = no_grad();
        using var scope = NewDisposeScope();
        var merged = Weight.to(float64);
        if (AdaptorBefore is not null)
            merged = MergeBefore(merged, AdaptorBefore.to(float64));
        if (AdaptorAfter is not null)
            merged = MergeAfter(AdaptorAfter.to(float64), merged);
        Weight.copy_(merged);
        AdaptorBefore = AdaptorAfter = null;
    }

    /// <summary>Multiply-adds for one image, and the size of the map that comes out.</summary>
    internal (long Macs, MapSize Output) Cost(MapSize input)
    {
        var output = input.After(Kernel, Stride, Padding);
        return (weight.Count * output.Area, output);
    }

    /// <summary>Multiplies the frozen norm into weight and bias in float64 (W' = s W, b' = beta - s mean, s = gamma / sqrt(var + eps)).</summary>
    internal void Fold()
    {
        if (Norm is null)
            return;
        using var scope = NewDisposeScope();
        var (normScale, normShift) = Norm.Affine();
        var folded = new TensorSlot(weight.CheckpointName, [.. weight.Shape], trainable: true, weight.Initial, weight.Fan);
        using (var detached = Weight.detach())
        {
            folded.Fill(Layout.ChannelsLast((detached.to(float64) * normScale.view(-1, 1, 1, 1)).to(float32)), requiresGrad: false);
            if (Writes)
                (unfolded, scale) = (Layout.ChannelsLast(detached).clone().DetachFromDisposeScope(), normScale.to(float32).DetachFromDisposeScope());
        }

        bias = new TensorSlot(weight.CheckpointName[..^"weight".Length] + "bias", [Outputs], trainable: true, Initial.Zeros);
        bias.Fill(normShift.to(float32), requiresGrad: false);
        foreach (var slot in slots)
            slot.Free();
        (weight, slots, Norm) = (folded, [folded, bias], null);
    }

    internal override void CopyFrom(Layer source)
    {
        var other = (ConvUnit)source;
        if (other.Norm is null)
        {
            bias = new TensorSlot(weight.CheckpointName[..^"weight".Length] + "bias", [Outputs], trainable: true, Initial.Zeros);
            (slots, Norm) = ([weight, bias], null);
            unfolded = other.unfolded?.clone().DetachFromDisposeScope();
            scale = other.scale?.clone().DetachFromDisposeScope();
        }

        base.CopyFrom(source);
        if (Norm is not null)
            Norm.BatchesTracked = other.Norm!.BatchesTracked;
    }

    internal override void To(Device device, ScalarType dtype)
    {
        base.To(device, dtype);
        if (unfolded is null || scale is null)
            return;
        var (oldWeight, oldScale) = (unfolded, scale);
        (unfolded, scale) = (oldWeight.to(dtype, device).DetachFromDisposeScope(), oldScale.to(device).DetachFromDisposeScope());
        oldWeight.Dispose();
        oldScale.Dispose();
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        base.Dispose();
        unfolded?.Dispose();
        scale?.Dispose();
        unfolded = scale = null;
    }

    // Run over the map: multiplied into the weight, an adaptor would cost its gradient a k x k product instead of a 1x1 one (measured: 10-25 % more a step).
    private Tensor ForwardAdapted(Tensor x)
    {
        using var scope = NewDisposeScope();
        if (AdaptorBefore is { } before)
            x = F.conv2d(x, Typed(before, x));
        Tensor map;
        if (AdaptorAfter is not { } after)
            map = Convolve(x, Weight, Bias);
        else if (unfolded is null || scale is null)
            map = F.conv2d(Convolve(x, Weight, null), Typed(after, x));
        else
            map = F.conv2d(Convolve(x, unfolded, null), Typed(after * scale.view(-1, 1, 1, 1), x), Bias);
        return (Norm is null ? map : Norm.Forward(map, mode.Training)).MoveToOuterDisposeScope();
    }

    private Tensor Convolve(Tensor x, Tensor kernel, Tensor? shift) =>
        F.conv2d(x, kernel, shift, strides: mode.Pair(Stride), padding: mode.Pair(Padding), groups: Groups);

    /// <summary>W[o,i,.,.] -> sum_j W[o,j,.,.] B[j,i]: the adaptor acts on the input channels.</summary>
    private Tensor MergeBefore(Tensor kernel, Tensor adaptor)
    {
        if (Groups != 1)
            throw new InvalidOperationException($"{Name} is a grouped convolution: an adaptor before it cannot be merged.");
        var matrix = adaptor.view(Inputs, Inputs);
        return Kernel == 1
            ? kernel.view(Outputs, Inputs).matmul(matrix).view(Outputs, Inputs, 1, 1)
            : kernel.permute(0, 2, 3, 1).reshape(-1, Inputs).matmul(matrix).view(Outputs, Kernel, Kernel, Inputs).permute(0, 3, 1, 2).contiguous();
    }

    /// <summary>W[o,i,.,.] -> sum_j A[o,j] W[j,i,.,.]: the adaptor acts on the output channels.</summary>
    private Tensor MergeAfter(Tensor adaptor, Tensor kernel) =>
        adaptor.view(Outputs, Outputs).matmul(kernel.reshape(Outputs, -1)).view(Outputs, Inputs / Groups, Kernel, Kernel);
}
