using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Models;

/// <summary>Images to a normalised map of patches: <c>[N, C, S, S] -> [N, S/patch, S/patch, D]</c>.</summary>
internal sealed class PatchStem(Linear projection, LayerNorm norm, long patch) : Section
{
    internal override IReadOnlyList<Layer> Layers { get; } = [projection, norm];

    public override Tensor Forward(Tensor images)
    {
        using var scope = NewDisposeScope();
        var (count, rows, columns) = (images.shape[0], images.shape[2] / patch, images.shape[3] / patch);
        return norm.Forward(projection.Forward(PatchEmbedding.Cut(images, patch))).view(count, rows, columns, -1).MoveToOuterDisposeScope();
    }

    internal override (long Macs, MapSize Output) Cost(MapSize input, MacsConvention convention)
    {
        var output = new MapSize(input.Height / patch, input.Width / patch);
        return ((projection.Macs * output.Area) + norm.Macs(output.Area, convention), output);
    }
}
