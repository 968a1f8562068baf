using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Models;

/// <summary>One of Swin's blocks: attention within windows, then an MLP, each added to the stream.</summary>
internal sealed record WindowBlock(WindowAttention Attention, Mlp Mlp)
{
    public IEnumerable<Layer> Layers => [.. Attention.Layers, Mlp.Norm, Mlp.Hidden, Mlp.Output];

    /// <summary>The block's output from its heads' and its input, all <c>[N, H, W, C]</c>; changes neither.</summary>
    public Tensor Complete(Tensor heads, Tensor x)
    {
        using var scope = NewDisposeScope();
        // Three dimensions: libtorch adds the bias within the product only then.
        var middle = Attention.Projection.Forward(heads.flatten(1, 2)).add_(x.flatten(1, 2));
        return Mlp.Output.Forward(Mlp.Units(middle)).add_(middle).view(x.shape).MoveToOuterDisposeScope();
    }

    public long Macs(MapSize map, MacsConvention convention) =>
        Attention.Macs(map, convention) + Mlp.Norm.Macs(map.Area, convention) + (map.Area * (Mlp.Hidden.Macs + Mlp.Output.Macs));
}

/// <summary>
/// Two successive blocks of Swin, with plain and with shifted windows (Liu et al., arXiv 2103.14030, equation 3): only together do they connect
/// windows, so they are dropped together. The stream is a map <c>[N, H, W, C]</c>.
/// </summary>
internal sealed class WindowPair(BlockPlace place, WindowBlock plain, WindowBlock shifted) : Block(place)
{
    internal override IReadOnlyList<Layer> Layers { get; } = [.. plain.Layers, .. shifted.Layers];

    public override Tensor Forward(Tensor x)
    {
        using var ahead = Ahead(x);
        return Complete(ahead, x);
    }

    public override Tensor Branch(Tensor x)
    {
        using var output = Forward(x);
        return output - x;
    }

    public override Tensor Ahead(Tensor x) => plain.Attention.Heads(x);

    public override Tensor Complete(Tensor ahead, Tensor x)
    {
        using var between = plain.Complete(ahead, x);
        using var heads = shifted.Attention.Heads(between);
        return shifted.Complete(heads, between);
    }

    internal override (long Macs, MapSize Output) Cost(MapSize input, MacsConvention convention) =>
        (plain.Macs(input, convention) + shifted.Macs(input, convention), input);
}
