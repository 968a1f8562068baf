using Fewshot.Planning;
using Fewshot.Gateway.Workflows;

namespace Fewshot.Gateway.Reports;

/// <summary>A block that could be chosen.</summary>
internal record BlockRow
{
    /// <summary>Name in the original.</summary>
    public required string Name { get; init; }

    /// <summary>Share of the latency (or MACs) that goes with it.</summary>
    public required double? Tau { get; init; }

    /// <summary>Its standard error.</summary>
    public required double? TauStderr { get; init; }

    /// <summary>The criterion's value; PRACTISE: mean squared error of the features.</summary>
    public required double? Recoverability { get; init; }

    /// <summary>Smaller goes first; null where it is not trustworthy (see the note).</summary>
    public required double? Score { get; init; }

    /// <summary>Whether it is gone.</summary>
    public required bool Dropped { get; init; }

    /// <summary>1 goes first.</summary>
    public required int? Rank { get; init; }

    /// <summary>Mean squared error of the features with the block gone and nothing trained.</summary>
    public required double? DistanceBefore { get; init; }

    /// <summary>Per image.</summary>
    public required long Macs { get; init; }

    /// <summary>Learnable elements.</summary>
    public required long Params { get; init; }

    /// <summary>Why it has no score.</summary>
    public required string? Note { get; init; }

    public static BlockRow Of(BlockFacts block, BlockScore? score, TrialFacts? trial, bool dropped) => new()
    {
        Name = block.Name,
        Tau = Finite.Or(score?.Tau),
        TauStderr = Finite.Or(score?.TauStderr),
        Recoverability = Finite.Or(score?.Value),
        Score = Finite.Or(score?.Score),
        Dropped = dropped,
        Rank = score?.Rank,
        DistanceBefore = Finite.Or(trial?.DistanceBefore),
        Macs = block.Macs,
        Params = block.Params,
        Note = score?.Note,
    };
}
