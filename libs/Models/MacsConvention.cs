namespace Fewshot.Models;

/// <summary>What counts as MACs; a number of MACs means nothing without it.</summary>
public enum MacsConvention
{
    /// <summary>Convolutions and all matrix products, attention's two batched ones included; norms and activations count zero.</summary>
    Standard,

    /// <summary>As DC-ViT's tool counts (arXiv 2403.18708): layer norm 2*N*d, the two batched products of attention zero.</summary>
    Paper,
}
