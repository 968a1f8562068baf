using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Models;

/// <summary>
/// <c>last(shortcut(x) + unit_n(act(... act(unit_1(x)))))</c>: the residual unit of ResNet (He et al. 2015) and MobileNetV2 (Sandler et al. 2018).
/// </summary>
/// <param name="place">Name and stage.</param>
/// <param name="branch">Convolutions of the residual branch.</param>
/// <param name="between">Activation between them, in place.</param>
/// <param name="last">Activation after the sum, in place; null for none.</param>
/// <param name="shortcut">What is added to the branch; null for nothing.</param>
/// <param name="projection">The convolution in <paramref name="shortcut"/>, where there is one.</param>
internal sealed class ResidualBlock(
    BlockPlace place, ConvUnit[] branch, Action<Tensor> between, Action<Tensor>? last, Func<Tensor, Tensor>? shortcut, ConvUnit? projection = null)
    : Block(place)
{
    private readonly ConvUnit[] inner = branch[..^1];

    internal override IReadOnlyList<Layer> Layers { get; } = projection is null ? branch : [.. branch, projection];

    /// <summary>The identity shortcut.</summary>
    public static Tensor Identity(Tensor x) => x;

    public override Tensor Forward(Tensor x)
    {
        using var ahead = Ahead(x);
        return Complete(ahead, x);
    }

    public override Tensor Ahead(Tensor x)
    {
        if (inner.Length == 0)
            return x.alias();
        var map = ConvStack.Run(inner, between, x);
        between(map);
        return map;
    }

    public override Tensor Complete(Tensor ahead, Tensor x)
    {
        using var scope = NewDisposeScope();
        var map = branch[^1].Forward(ahead);
        if (shortcut is not null)
            map.add_(shortcut(x));
        last?.Invoke(map);
        return map.MoveToOuterDisposeScope();
    }

    public override Tensor Branch(Tensor x)
    {
        using var ahead = Ahead(x);
        return branch[^1].Forward(ahead);
    }

    internal override (long Macs, MapSize Output) Cost(MapSize input, MacsConvention convention)
    {
        var (macs, output) = ConvStack.CostOf(branch, input);
        return (macs + (projection?.Cost(input).Macs ?? 0), output);
    }
}
