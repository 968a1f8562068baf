using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Models;

/// <summary>What makes class scores of the features: pooling and a linear classifier.</summary>
internal abstract class Head
{
    public abstract IReadOnlyList<Layer> Layers { get; }

    /// <summary>The classifier; the first where there are two.</summary>
    public Linear Classifier => (Linear)Layers[0];

    /// <summary>How many of the first tokens are read; null: everything.</summary>
    public virtual int? Tokens => null;

    public abstract Tensor Pool(Tensor features);

    public abstract Tensor Classify(Tensor pooled);

    public long Macs => Layers.OfType<Linear>().Sum(layer => layer.Macs);
}

/// <summary>The mean over all positions, then the classifier.</summary>
/// <param name="positions">The dimensions that are averaged.</param>
internal sealed class AverageHead(Linear classifier, params long[] positions) : Head
{
    public override IReadOnlyList<Layer> Layers { get; } = [classifier];

    public override Tensor Pool(Tensor features) => features.mean(positions);

    public override Tensor Classify(Tensor pooled) => classifier.Forward(pooled);
}

/// <summary>
/// The class token, <c>[N, T, D] -> [N, D]</c>, then the classifier. With a distillation token (DeiT, arXiv 2012.12877, section 4) both tokens,
/// <c>[N, 2, D]</c>, each with its classifier, and the mean of their logits.
/// </summary>
internal sealed class TokenHead(Linear classifier, Linear? distilled) : Head
{
    public override IReadOnlyList<Layer> Layers { get; } = distilled is null ? [classifier] : [classifier, distilled];

    public override int? Tokens => distilled is null ? 1 : 2;

    public override Tensor Pool(Tensor features) => distilled is null ? features.select(1, 0) : features.narrow(1, 0, 2);

    public override Tensor Classify(Tensor pooled)
    {
        if (distilled is null)
            return classifier.Forward(pooled);
        using var scope = NewDisposeScope();
        return classifier.Forward(pooled.select(1, 0)).add_(distilled.Forward(pooled.select(1, 1))).div_(2).MoveToOuterDisposeScope();
    }
}
