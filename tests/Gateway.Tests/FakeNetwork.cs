using Fewshot.Networks.V1;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Tests;

/// <summary>A network that is only its description.</summary>
internal sealed record FakeNetwork(string Variant, long StemMacs, IReadOnlyList<Block> Blocks)
{
    /// <summary>Three stages of blocks: the first of each cannot be dropped.</summary>
    public static FakeNetwork Toy { get; } = new("toy", 0, [.. FakeStages.Blocks.Select(b => new Block
    {
        Name = b.Name, Stage = b.Stage, Droppable = b.Droppable, Macs = b.Macs, Params = b.Params, CheckpointName = b.Name,
    })]);

    /// <summary>Six equal blocks of 100 MACs: 40 in the attention, one in each of 50 hidden units, 10 in the norm that stays; 700 in all.</summary>
    public static FakeNetwork Vit { get; } = new("toy_vit", 100, [.. Enumerable.Range(0, 6).Select(i => new Block
    {
        Name = $"blocks.{i}", CheckpointName = $"blocks.{i}", Droppable = true, Macs = 100, Params = 10, AttentionMacs = 40, MlpMacs = 50, Hidden = 50, Compressible = true,
    })]);

    /// <summary>The description of what edits leave.</summary>
    public NetworkDescription Describe(IEnumerable<Edit> edits)
    {
        var left = Blocks.Select(block => block.Clone()).ToList();
        foreach (var edit in edits)
        {
            var name = edit.DropBlock?.Block ?? edit.CompressBlock.Block;
            var block = left.SingleOrDefault(b => b.Name == name && (edit.DropBlock is null ? b.Compressible : b.Droppable))
                ?? throw new InvalidFieldException("edits", $"'{name}' cannot go.");
            if (edit.DropBlock is not null)
            {
                left.Remove(block);
                continue;
            }

            var narrower = block.MlpMacs * edit.CompressBlock.Hidden / block.Hidden;
            block.Macs -= block.AttentionMacs + block.MlpMacs - narrower;
            (block.AttentionMacs, block.MlpMacs, block.Hidden, block.Compressible) = (0, narrower, edit.CompressBlock.Hidden, false);
        }

        return new NetworkDescription
        {
            Variant = Variant, Macs = StemMacs + left.Sum(block => block.Macs), Params = left.Sum(block => block.Params), ImageSize = 32, Classes = 10, Blocks = { left },
        };
    }
}
