namespace Fewshot.Planning;

/// <summary>A transformer block as the structure solver sees it; MACs for one image, under the caller's convention.</summary>
/// <param name="Name">As in the unpruned variant (<c>blocks.3</c>).</param>
/// <param name="Macs">The whole block.</param>
/// <param name="AttentionMacs">The attention module <em>with</em> its norm: it goes whole.</param>
/// <param name="MlpMacs">The MLP <em>without</em> its norm: it is narrowed, the norm stays.</param>
/// <param name="Hidden">The MLP's hidden units.</param>
public sealed record BlockParts(string Name, long Macs, long AttentionMacs, long MlpMacs, int Hidden);

/// <summary>How many blocks lose their attention, and how many hidden units each of them keeps.</summary>
/// <param name="Blocks">Compressed blocks, at least 1.</param>
/// <param name="KeptHidden">Hidden units that each compressed block keeps, from 1 to all of them.</param>
/// <param name="TargetMacs">What was asked of the network, for one image.</param>
/// <param name="Macs">What the structure achieves: within one hidden unit per block of <paramref name="TargetMacs"/>.</param>
public sealed record CompressedStructure(int Blocks, int KeptHidden, long TargetMacs, long Macs);
