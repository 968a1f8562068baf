using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Models;

/// <summary>
/// Images to tokens (Dosovitskiy et al., arXiv 2010.11929, equation 1): every patch through one linear layer, the class token (and DeiT's
/// distillation token) in front, position embeddings added. <c>[N, C, S, S] -> [N, T, D]</c>.
/// </summary>
internal sealed class PatchEmbedding(TokenEmbeddings tokens, Linear projection, long patch) : Section
{
    internal override IReadOnlyList<Layer> Layers { get; } = [tokens, projection];

    public override Tensor Forward(Tensor images)
    {
        using var scope = NewDisposeScope();
        var embedded = projection.Forward(Cut(images, patch));
        return cat([.. tokens.Extra.Select(token => token.expand(images.shape[0], -1, -1)), embedded], 1).add_(tokens.Positions).MoveToOuterDisposeScope();
    }

    /// <summary><c>[N, C, S, S] -> [N, patches, C * patch * patch]</c>: patches do not overlap, so cutting them out and one matrix product is the convolution.</summary>
    internal static Tensor Cut(Tensor images, long patch)
    {
        using var scope = NewDisposeScope();
        var (count, channels, rows, columns) = (images.shape[0], images.shape[1], images.shape[2] / patch, images.shape[3] / patch);
        return images.view(count, channels, rows, patch, columns, patch).permute(0, 2, 4, 1, 3, 5).reshape(count, rows * columns, -1).MoveToOuterDisposeScope();
    }

    internal override (long Macs, MapSize Output) Cost(MapSize input, MacsConvention convention)
    {
        var output = new MapSize(input.Height / patch, input.Width / patch);
        return (projection.Macs * output.Area, output);
    }
}

/// <summary>The learned vectors of a vision transformer's input: extra tokens and position embeddings.</summary>
internal sealed class TokenEmbeddings : Layer
{
    private readonly TensorSlot[] extra;
    private readonly TensorSlot positions;

    public TokenEmbeddings(bool distilled, long patches, long width)
        : base("tokens")
    {
        string[] names = distilled ? ["cls_token", "dist_token"] : ["cls_token"];
        extra = [.. names.Select(name => new TensorSlot(name, [1, 1, width], trainable: true, Initial.Normal002))];
        positions = new TensorSlot("pos_embed", [1, patches + extra.Length, width], trainable: true, Initial.Normal002) { ExtraTokens = extra.Length };
        Slots = [.. extra, positions];
    }

    /// <summary>Class token, and distillation token where there is one; <c>[1, 1, D]</c> each.</summary>
    public IEnumerable<Tensor> Extra => extra.Select(slot => slot.Value);

    /// <summary><c>[1, T, D]</c>.</summary>
    public Tensor Positions => positions.Value;

    internal override IReadOnlyList<TensorSlot> Slots { get; }
}
