using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Fewshot.Models;

/// <summary>The MLP of a transformer block: <c>output(gelu(hidden(norm(x))))</c>.</summary>
public sealed class Mlp
{
    internal Mlp(LayerNorm norm, Linear hidden, Linear output) => (Norm, Hidden, Output) = (norm, hidden, output);

    /// <summary>The norm before it.</summary>
    public LayerNorm Norm { get; }

    /// <summary><c>[hidden, D]</c>.</summary>
    public Linear Hidden { get; }

    /// <summary><c>[D, hidden]</c>.</summary>
    public Linear Output { get; }

    /// <summary>The hidden units after GELU, <c>[N, T, D] -> [N, T, hidden]</c>; the only tensor left alive.</summary>
    public Tensor Units(Tensor x)
    {
        using var scope = NewDisposeScope();
        return F.gelu(Hidden.Forward(Norm.Forward(x))).MoveToOuterDisposeScope();
    }
}
