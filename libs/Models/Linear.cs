using TorchSharp;
using TorchSharp.Modules;

namespace Fewshot.Models;

/// <summary>A linear layer with bias: <c>[N, in] -> [N, out]</c>.</summary>
public sealed class Linear : Layer
{
    private readonly TensorSlot weight;
    private readonly TensorSlot bias;

    internal Linear(string name, long inputs, long outputs, Initial weightInitial, Initial biasInitial)
        : base(name)
    {
        weight = new TensorSlot($"{name}.weight", [outputs, inputs], trainable: true, weightInitial, fan: inputs);
        bias = new TensorSlot($"{name}.bias", [outputs], trainable: true, biasInitial, fan: inputs);
        Slots = [weight, bias];
    }

    /// <summary><c>[out, in]</c>.</summary>
    public Parameter Weight => (Parameter)weight.Value;

    /// <summary><c>[out]</c>.</summary>
    public Parameter Bias => (Parameter)bias.Value;

    /// <summary>One multiply-add per weight.</summary>
    public long Macs => weight.Count;

    internal override IReadOnlyList<TensorSlot> Slots { get; }

    /// <summary>The layer's output for <c>[N, in]</c>.</summary>
    public torch.Tensor Forward(torch.Tensor x) => torch.nn.functional.linear(x, Weight, Bias);
}
