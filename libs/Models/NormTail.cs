using TorchSharp;

namespace Fewshot.Models;

/// <summary>The norm after the last transformer block.</summary>
/// <param name="extraTokens">Tokens beside those of the patches.</param>
internal sealed class NormTail(LayerNorm norm, int extraTokens) : Section
{
    internal override IReadOnlyList<Layer> Layers { get; } = [norm];

    public override torch.Tensor Forward(torch.Tensor x) => norm.Forward(x);

    internal override (long Macs, MapSize Output) Cost(MapSize input, MacsConvention convention) => (norm.Macs(input.Area + extraTokens, convention), input);
}
