using TorchSharp;

namespace Fewshot.Models;

/// <summary>Layer normalisation over the last dimension, <c>[.., D]</c>.</summary>
public sealed class LayerNorm : Layer
{
    private readonly TensorSlot weight, bias;
    private readonly long[] shape;
    private readonly double epsilon;

    internal LayerNorm(string name, string checkpointName, long width, double epsilon)
        : base(name)
    {
        (shape, this.epsilon) = ([width], epsilon);
        weight = new TensorSlot($"{checkpointName}.weight", shape, trainable: true, Initial.Ones);
        bias = new TensorSlot($"{checkpointName}.bias", shape, trainable: true, Initial.Zeros);
        Slots = [weight, bias];
    }

    /// <summary>Scale, <c>[D]</c>.</summary>
    public torch.Tensor Weight => weight.Value;

    /// <summary>Shift, <c>[D]</c>.</summary>
    public torch.Tensor Bias => bias.Value;

    internal override IReadOnlyList<TensorSlot> Slots { get; }

    /// <summary>The only tensor left alive; it may be changed in place.</summary>
    public torch.Tensor Forward(torch.Tensor x) => torch.nn.functional.layer_norm(x, shape, Weight, Bias, epsilon);

    /// <summary>MACs for this many positions: none, or the paper's two per element.</summary>
    internal long Macs(long positions, MacsConvention convention) => convention == MacsConvention.Paper ? 2 * positions * shape[0] : 0;
}
