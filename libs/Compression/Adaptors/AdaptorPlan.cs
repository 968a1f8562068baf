using Fewshot.Models;

namespace Fewshot.Compression.Adaptors;

/// <summary>Where one adaptor stands: before a unit that reads the stream, or after one that writes it.</summary>
public readonly record struct AdaptorSite(Unit Unit, bool Before)
{
    /// <summary>Channels of the stream at this place; the adaptor is [Channels, Channels, 1, 1].</summary>
    public long Channels => Before ? Unit.Inputs : Unit.Outputs;

    public string Name => $"{Unit.Name}.{(Before ? "before" : "after")}";
}

/// <summary>
/// Which adaptors recover a dropped block (PRACTISE, arXiv 2202.07861, section 4.1): after every convolution that
/// writes the stage's stream ahead of the gap, before every convolution that reads it behind the gap.
/// </summary>
public static class AdaptorPlan
{
    /// <param name="network">The network that still has the block.</param>
    /// <param name="block">A droppable block's name.</param>
    public static IReadOnlyList<AdaptorSite> For(Network network, string block)
    {
        var blocks = network.Blocks;
        var gap = IndexOf(network, block);
        var stage = blocks[gap].Stage;
        var sites = new List<AdaptorSite>();
        for (var i = 0; i < gap; i++)
            if (blocks[i].Stage == stage)
                sites.AddRange(blocks[i].Units.Where(u => u.Writes).Select(u => new AdaptorSite(u, Before: false)));

        var next = gap + 1;
        while (next < blocks.Count && blocks[next].Stage == stage)
            sites.AddRange(blocks[next++].Units.Where(u => u.Reads).Select(u => new AdaptorSite(u, Before: true)));
        var readers = next < blocks.Count ? blocks[next].Units : network.TailUnits;
        sites.AddRange(readers.Where(u => u.Reads).Select(u => new AdaptorSite(u, Before: true)));
        return sites;
    }

    /// <summary>The position of a block.</summary>
    /// <exception cref="InvalidEditException">No such block, or its shortcut is not the identity.</exception>
    public static int IndexOf(Network network, string block)
    {
        for (var i = 0; i < network.Blocks.Count; i++)
            if (network.Blocks[i].Name == block && network.Blocks[i].Droppable)
                return i;
        var droppable = network.Blocks.Where(b => b.Droppable).Select(b => b.Name).ToArray();
        throw new InvalidEditException($"'{block}' is not a droppable block of {network.Spec.Variant}; these are: {string.Join(", ", droppable)}", droppable);
    }

    /// <summary>The first block of the stage that <paramref name="index"/> belongs to: all before it is untouched by the adaptors.</summary>
    public static int StageStart(Network network, int index)
    {
        while (index > 0 && network.Blocks[index - 1].Stage == network.Blocks[index].Stage)
            index--;
        return index;
    }
}
