using System.Globalization;

namespace Fewshot.Planning;

/// <summary>What is left of a network when a number of whole blocks goes, whichever they are: the metric chooses them later.</summary>
/// <param name="Blocks">Dropped blocks.</param>
/// <param name="Fewest">What is left when the most expensive go.</param>
/// <param name="Most">What is left when the cheapest go.</param>
public sealed record WholeBlockRange(int Blocks, long Fewest, long Most);

/// <summary>Targets of networks that lose whole blocks (CNNs, Swin's pairs): a ratio is a bound that is met, not a value that is hit.</summary>
public static class WholeBlocks
{
    /// <summary>Per number of dropped blocks, from 1 to all, what can be left of the network's MACs (or params).</summary>
    /// <param name="network">The whole network's.</param>
    /// <param name="blocks">Those of each droppable block.</param>
    public static IReadOnlyList<WholeBlockRange> Ranges(long network, IReadOnlyList<long> blocks)
    {
        var ascending = blocks.Order().ToArray();
        return Enumerable.Range(1, ascending.Length)
            .Select(count => new WholeBlockRange(count, network - ascending[^count..].Sum(), network - ascending[..count].Sum()))
            .ToArray();
    }

    /// <summary>How many blocks must go at the least (the most expensive), and how many are enough whichever go, for a MACs ratio.</summary>
    /// <exception cref="PlanningException">The ratio is outside (0, 1), or dropping all blocks does not reach it; the message gives the lowest there is.</exception>
    public static (int AtLeast, int AtMost) Needed(long network, IReadOnlyList<long> blocks, double ratio)
    {
        StructureSolver.CheckRatio(ratio);
        var ranges = Ranges(network, blocks);
        if (ranges.Count == 0)
            throw new PlanningException("The network has no droppable block.");
        var target = ratio * network;
        if (ranges[^1].Fewest > target)
        {
            throw new PlanningException(string.Create(
                CultureInfo.InvariantCulture,
                $"A MACs ratio of {ratio} cannot be reached by dropping whole blocks: the lowest is {(double)ranges[^1].Fewest / network:0.0000}, with all {ranges.Count} droppable blocks gone."));
        }

        return (ranges.First(r => r.Fewest <= target).Blocks, ranges.First(r => r.Most <= target).Blocks);
    }
}
