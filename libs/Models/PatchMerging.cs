using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Models;

/// <summary>
/// The start of a later stage of Swin (Liu et al., arXiv 2103.14030, section 3.1): four neighbours side by side, normalised and reduced,
/// <c>[N, H, W, C] -> [N, H/2, W/2, 2C]</c>.
/// </summary>
internal sealed class PatchMerging(BlockPlace place, LayerNorm norm, Linear reduction) : Block(place)
{
    internal override IReadOnlyList<Layer> Layers { get; } = [norm, reduction];

    public override Tensor Forward(Tensor x)
    {
        using var ahead = Ahead(x);
        return Complete(ahead, x);
    }

    public override Tensor Branch(Tensor x) => Forward(x);

    public override Tensor Ahead(Tensor x)
    {
        using var scope = NewDisposeScope();
        var (count, rows, columns, channels) = (x.shape[0], x.shape[1] / 2, x.shape[2] / 2, x.shape[3]);
        // Upper left, lower left, upper right, lower right.
        var neighbours = x.view(count, rows, 2, columns, 2, channels).permute(0, 1, 3, 4, 2, 5).reshape(count, rows, columns, 4 * channels);
        return norm.Forward(neighbours).MoveToOuterDisposeScope();
    }

    public override Tensor Complete(Tensor ahead, Tensor x) => reduction.Forward(ahead);

    internal override (long Macs, MapSize Output) Cost(MapSize input, MacsConvention convention)
    {
        var output = new MapSize(input.Height / 2, input.Width / 2);
        return ((reduction.Macs * output.Area) + norm.Macs(output.Area, convention), output);
    }
}
