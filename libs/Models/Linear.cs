using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Fewshot.Models;

/// <summary>A linear layer over the last dimension, <c>[.., in] -> [.., out]</c>. Its weight may have more dimensions in checkpoints (a patch embedding).</summary>
public sealed class Linear : Unit
{
    private readonly TensorSlot weight;
    private readonly TensorSlot? bias;
    private readonly long[]? rows, columns;

    /// <param name="shape">Of the weight in checkpoints: <c>[out, ..]</c> whose further extents make up the inputs.</param>
    /// <param name="rows">Which outputs of the unnarrowed layer these are; null for all.</param>
    /// <param name="columns">Which inputs of the unnarrowed layer these are; null for all.</param>
    internal Linear(
        string name, string checkpointName, long[] shape, bool hasBias, StreamRole role, Initial weightInitial, Initial biasInitial,
        long[]? rows = null, long[]? columns = null)
        : base(name, shape[1..].Aggregate(1L, (product, extent) => product * extent), shape[0], role)
    {
        (this.rows, this.columns) = (rows, columns);
        weight = new TensorSlot($"{checkpointName}.weight", shape, trainable: true, weightInitial, fan: Inputs);
        if (hasBias)
            bias = new TensorSlot($"{checkpointName}.bias", [Outputs], trainable: true, biasInitial, fan: Inputs);
        Slots = bias is null ? [weight] : [weight, bias];
    }

    /// <summary><c>[out, in]</c>, or as checkpoints have it.</summary>
    public override Tensor Weight => weight.Value;

    /// <summary><c>[out]</c>; null where it has none.</summary>
    public Tensor? Bias => bias?.Value;

    /// <summary>Multiply-adds for one position: one per weight.</summary>
    public long Macs => weight.Count;

    internal override IReadOnlyList<TensorSlot> Slots { get; }

    /// <summary><c>[.., in] -> [.., out]</c>.</summary>
    public override Tensor Forward(Tensor x)
    {
        BeforeUnit?.Invoke(x);
        if (!IsAdapted && weight.Shape.Count == 2)
            return F.linear(x, Weight, Bias);
        using var scope = NewDisposeScope();
        if (AdaptorBefore is { } before)
            x = F.linear(x, Typed(before, x).view(Inputs, Inputs));
        var y = F.linear(x, Weight.view(Outputs, Inputs), Bias);
        if (AdaptorAfter is { } after)
            y = F.linear(y, Typed(after, x).view(Outputs, Outputs));
        return y.MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override void MergeAdaptors()
    {
        if (!IsAdapted)
            return;
        using var guard = no_grad();
        using var scope = NewDisposeScope();
        var merged = Weight.to(float64).view(Outputs, Inputs);
        if (AdaptorBefore is { } before)
            merged = merged.matmul(before.to(float64).view(Inputs, Inputs));
        if (AdaptorAfter is { } after)
        {
            var matrix = after.to(float64).view(Outputs, Outputs);
            merged = matrix.matmul(merged);
            Bias?.copy_(matrix.matmul(Bias.to(float64)));
        }

        Weight.copy_(merged.view([.. weight.Shape]));
        AdaptorBefore = AdaptorAfter = null;
    }

    /// <summary>Takes the values; from an unnarrowed layer, those of the rows and columns that are kept.</summary>
    internal override void CopyFrom(Layer source)
    {
        base.CopyFrom(source);
        var other = (Linear)source;
        if ((other.Inputs == Inputs && other.Outputs == Outputs) || !other.weight.IsFilled)
            return;
        using var scope = NewDisposeScope();
        var picked = other.Weight.detach();
        var shift = other.Bias?.detach();
        if (rows is not null)
        {
            var kept = tensor(rows, device: picked.device);
            (picked, shift) = (picked.index_select(0, kept), shift?.index_select(0, kept));
        }

        if (columns is not null)
            picked = picked.index_select(1, tensor(columns, device: picked.device));
        weight.Fill(picked.clone(), other.Weight.requires_grad);
        if (shift is not null)
            bias!.Fill(shift.clone(), other.Bias!.requires_grad);
    }
}
