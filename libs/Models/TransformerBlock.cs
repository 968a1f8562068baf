using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Fewshot.Models;

/// <summary>What a pre-norm transformer block consists of; attention is gone from a compressed one.</summary>
internal sealed record TransformerParts(Attention? Attention, LayerNorm Norm, Linear Hidden, Linear Output);

/// <summary>Multi-head self-attention with the norm before it; q, k, v are stacked on the rows of one product.</summary>
internal sealed record Attention(LayerNorm Norm, Linear Qkv, Linear Projection, int Heads);

/// <summary>
/// The block of ViT (Dosovitskiy et al., arXiv 2010.11929, equations 2 and 3): <c>y = x + attention(norm(x)); y + mlp(norm(y))</c> over tokens
/// <c>[N, T, D]</c>. A compressed block (DC-ViT, arXiv 2403.18708, section 3.1) is <c>x + mlp(norm(x))</c> with a narrower MLP.
/// </summary>
/// <param name="extraTokens">Tokens beside those of the patches.</param>
internal sealed class TransformerBlock(BlockPlace place, TransformerParts parts, int extraTokens) : Block(place)
{
    internal override IReadOnlyList<Layer> Layers { get; } = parts.Attention is { } attention
        ? [attention.Norm, attention.Qkv, attention.Projection, parts.Norm, parts.Hidden, parts.Output]
        : [parts.Norm, parts.Hidden, parts.Output];

    /// <inheritdoc/>
    public override Mlp Mlp { get; } = new(parts.Norm, parts.Hidden, parts.Output);

    /// <inheritdoc/>
    public override bool HasAttention => parts.Attention is not null;

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

    /// <summary>Attention up to its projection; in a compressed block, the hidden units.</summary>
    public override Tensor Ahead(Tensor x) => parts.Attention is null ? Mlp.Units(x) : Attend(parts.Attention, x);

    public override Tensor Complete(Tensor ahead, Tensor x)
    {
        if (parts.Attention is null)
            return parts.Output.Forward(ahead).add_(x);
        using var middle = parts.Attention.Projection.Forward(ahead).add_(x);
        using var hidden = Mlp.Units(middle);
        return parts.Output.Forward(hidden).add_(middle);
    }

    /// <summary>The first tokens of <see cref="Forward"/>'s output: keys and values are needed of all tokens, all else of these only.</summary>
    internal Tensor Leading(Tensor x, int tokens)
    {
        using var scope = NewDisposeScope();
        if (parts.Attention is { Qkv: { IsAdapted: false, BeforeUnit: null } } attention)
            return Complete(AttendLeading(attention, x, tokens), x.narrow(1, 0, tokens)).MoveToOuterDisposeScope();
        return (parts.Attention is null ? Forward(x.narrow(1, 0, tokens)) : Forward(x).narrow(1, 0, tokens)).MoveToOuterDisposeScope();
    }

    internal override (long Macs, MapSize Output) Cost(MapSize input, MacsConvention convention)
    {
        var partial = PartCosts(input, convention);
        return (partial.Attention + partial.Mlp + parts.Norm.Macs(input.Area + extraTokens, convention), input);
    }

    internal override (long Attention, long Mlp) PartCosts(MapSize input, MacsConvention convention)
    {
        var tokens = input.Area + extraTokens;
        var mlp = tokens * (parts.Hidden.Macs + parts.Output.Macs);
        if (parts.Attention is not { } attention)
            return (0, mlp);
        var products = convention == MacsConvention.Standard ? 2 * tokens * tokens * attention.Projection.Inputs : 0;
        return (attention.Norm.Macs(tokens, convention) + (tokens * (attention.Qkv.Macs + attention.Projection.Macs)) + products, mlp);
    }

    /// <summary>The heads' outputs of the first tokens, <c>[N, tokens, D]</c>.</summary>
    private static Tensor AttendLeading(Attention attention, Tensor x, int tokens)
    {
        var (images, all, width) = (x.shape[0], x.shape[1], attention.Projection.Inputs);
        var normed = attention.Norm.Forward(x);
        Tensor Heads(Tensor some, long first, long count) =>
            F.linear(some, attention.Qkv.Weight.narrow(0, first, count), attention.Qkv.Bias?.narrow(0, first, count)).view(images, some.shape[1], count / width, attention.Heads, width / attention.Heads);
        var query = Heads(normed.narrow(1, 0, tokens), 0, width).select(2, 0);
        var keyValue = Heads(normed, width, 2 * width).unbind(2);
        return F.scaled_dot_product_attention(query.transpose(1, 2), keyValue[0].transpose(1, 2), keyValue[1].transpose(1, 2)).transpose(1, 2).reshape(images, tokens, width);
    }

    /// <summary>The heads' outputs side by side, <c>[N, T, D]</c>.</summary>
    private static Tensor Attend(Attention attention, Tensor x)
    {
        using var scope = NewDisposeScope();
        var (images, tokens, width) = (x.shape[0], x.shape[1], attention.Projection.Inputs);
        var qkv = attention.Qkv.Forward(attention.Norm.Forward(x)).view(images, tokens, 3, attention.Heads, width / attention.Heads).unbind(2);
        return F.scaled_dot_product_attention(qkv[0].transpose(1, 2), qkv[1].transpose(1, 2), qkv[2].transpose(1, 2))
            .transpose(1, 2).reshape(images, tokens, width).MoveToOuterDisposeScope();
    }
}
