using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Models;

/// <summary>What a linear map does to the residual stream. A projection shortcut of a stage's first block does both:
/// it reads the previous stage's stream and writes its own stage's.</summary>
[Flags]
public enum StreamRole
{
    /// <summary>Inside the residual branch, or before the first stream.</summary>
    None = 0,

    /// <summary>Its input is the stream (transformers: the normalised stream); in the first block of a stage, the previous stage's.</summary>
    Reads = 1,

    /// <summary>Its output is added to, or becomes, the stream of its block's stage.</summary>
    Writes = 2,
}

/// <summary>
/// A linear map over the channels, a convolution or a linear layer, next to which PRACTISE's adaptors can stand
/// (arXiv 2202.07861, section 3.2): <c>after * (W * (before * x))</c>.
/// </summary>
public abstract class Unit : Layer
{
    private protected Unit(string name, long inputs, long outputs, StreamRole role)
        : base(name) => (Inputs, Outputs, Role) = (inputs, outputs, role);

    /// <summary>Channels in.</summary>
    public long Inputs { get; }

    /// <summary>Channels out.</summary>
    public long Outputs { get; }

    /// <summary>What it does to the residual stream.</summary>
    public StreamRole Role { get; }

    /// <summary>Its input is the stream.</summary>
    public bool Reads => Role.HasFlag(StreamRole.Reads);

    /// <summary>Its output enters the stream.</summary>
    public bool Writes => Role.HasFlag(StreamRole.Writes);

    /// <summary>Convolution: <c>[out, in / groups, k, k]</c>; linear layer: <c>[out, in]</c>.</summary>
    public abstract Tensor Weight { get; }

    /// <summary>A 1x1 convolution <c>[in, in, 1, 1]</c> before this one; the caller's own, null for none.</summary>
    public Tensor? AdaptorBefore { get; set; }

    /// <summary>A 1x1 convolution <c>[out, out, 1, 1]</c> after this one and before its norm; the caller's own, null for none.</summary>
    public Tensor? AdaptorAfter { get; set; }

    /// <summary>Sees what enters, ahead of an adaptor, in every forward pass; null for nobody. The tensor is the pass's own.</summary>
    public Action<Tensor>? BeforeUnit { get; set; }

    /// <summary>Some adaptor stands here.</summary>
    public bool IsAdapted => AdaptorBefore is not null || AdaptorAfter is not null;

    /// <summary>The unit's output; the only tensor left alive; it may be changed in place.</summary>
    public abstract Tensor Forward(Tensor x);

    /// <summary>Multiplies the adaptors into the weight in float64 and takes them away: the output stays the same to rounding.</summary>
    /// <exception cref="InvalidOperationException">The unit's norm is folded into it.</exception>
    public abstract void MergeAdaptors();

    internal override void CopyFrom(Layer source)
    {
        base.CopyFrom(source);
        AdaptorBefore = ((Unit)source).AdaptorBefore;
        AdaptorAfter = ((Unit)source).AdaptorAfter;
    }

    // Adaptors are trained in float32 whatever the activations are.
    private protected static Tensor Typed(Tensor adaptor, Tensor x) => adaptor.dtype == x.dtype ? adaptor : adaptor.to(x.dtype);
}
