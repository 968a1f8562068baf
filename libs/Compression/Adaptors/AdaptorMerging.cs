using Fewshot.Models;

namespace Fewshot.Compression.Adaptors;

/// <summary>
/// Merges 1x1 adaptors into the convolutions they stand beside (PRACTISE, arXiv 2202.07861, section 4.1): exact, because zero padding commutes
/// with a 1x1 product; the weights are multiplied in float64 and rounded once, so that adaptors cost nothing at inference.
/// </summary>
public static class AdaptorMerging
{
    /// <summary>Merges every adaptor of the network and removes it; the outputs stay the same to rounding.</summary>
    /// <exception cref="InvalidOperationException">The network is folded.</exception>
    public static void Merge(Network network)
    {
        foreach (var unit in network.Blocks.SelectMany(block => block.Units).Concat(network.TailUnits))
            unit.MergeAdaptors();
    }
}
