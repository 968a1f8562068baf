using Fewshot.Models;

namespace Fewshot.Benchmarks.CompressionTrials;

/// <summary>What both sides train; dcvit_reference.py states the same.</summary>
internal static class Setting
{
    public const int Images = 50, Candidates = 4, Hidden = 256, Kept = 140;

    /// <summary>MACs x0.75 of the Fashion ViT: 140 of 256 hidden units stay, evenly spread so that both sides keep the same.</summary>
    public static CompressBlock Edit(int block) => new($"blocks.{block}", Kept, Units: [.. Enumerable.Range(0, Kept).Select(unit => unit * Hidden / Kept)]);
}
