using Fewshot.Planning;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Workflows;

/// <summary>The blocks that DC-ViT may compress, and what it does to them: attention out and a narrower MLP, or, where blocks have no such parts, out whole.</summary>
/// <param name="Whole">Whole blocks go.</param>
/// <param name="Blocks">In network order, at least one.</param>
public sealed record DcVitCandidates(bool Whole, IReadOnlyList<BlockFacts> Blocks)
{
    /// <summary>As the structure solver sees them.</summary>
    public IReadOnlyList<BlockParts> Parts => [.. Blocks.Select(block => new BlockParts(block.Name, block.Macs, block.AttentionMacs, block.MlpMacs, block.Hidden))];

    /// <summary>Finds the candidates and checks, before any work is spent, that every target can be met with them (a latency only measuring can tell).</summary>
    /// <exception cref="InvalidFieldException">The network cannot give what is asked; the message says what it can.</exception>
    public static DcVitCandidates Of(NetworkFacts network, DcVitPlan plan)
    {
        var whole = !network.Blocks.Any(block => block.Compressible);
        var able = network.Blocks.Where(block => whole ? block.Droppable : block.Compressible).ToArray();
        if (able.Length == 0 || (whole && network.Blocks.Any(block => block is { MlpMacs: > 0, AttentionMacs: 0 })))
            throw new InvalidFieldException("spec.network_digest", $"{network.Variant} has no block left to compress.");
        var candidates = new DcVitCandidates(whole, plan.Candidates is { } names ? Named(names, able, whole, plan) : Inner(network, able, whole, plan));
        if (whole && plan.ExtraBlocks > 0)
            throw new InvalidFieldException(plan.Field("extra_blocks"), $"{network.Variant} loses whole blocks; it has no structure to spread over more.");
        if (!whole)
            Checked(plan.Field("candidates"), () => StructureSolver.Table(network.Macs, candidates.Parts, plan.ExtraBlocks));
        foreach (var target in plan.Targets.OfType<SizeTarget.Macs>())
        {
            Checked(plan.Field("macs_ratio"), () => whole
                ? (object)WholeBlocks.Needed(network.Macs, [.. candidates.Blocks.Select(block => block.Macs)], target.Ratio)
                : StructureSolver.Solve(network.Macs, candidates.Parts, target.Ratio, plan.ExtraBlocks));
        }

        return candidates;
    }

    private static BlockFacts[] Inner(NetworkFacts network, BlockFacts[] able, bool whole, DcVitPlan plan)
    {
        BlockFacts[] inner = whole ? able : [.. able.Where(block => block.Name != network.Blocks[0].Name && block.Name != network.Blocks[^1].Name)];
        return inner.Length > 0 ? inner : throw new InvalidFieldException(
            plan.Field("candidates"), $"{network.Variant} has no block left to compress but its first and last, which are not by default: name them to compress them.");
    }

    private static BlockFacts[] Named(IReadOnlyList<string> names, BlockFacts[] able, bool whole, DcVitPlan plan)
    {
        var kind = whole ? "droppable" : "compressible";
        if (names.FirstOrDefault(name => able.All(block => block.Name != name)) is { } unknown)
        {
            throw new InvalidFieldException(
                plan.Field("candidates"), $"'{LogText.Escape(unknown)}' is no {kind} block. There are {string.Join(", ", able.Select(block => block.Name))}.");
        }

        return names.Distinct(StringComparer.Ordinal).Count() == names.Count
            ? [.. able.Where(block => names.Contains(block.Name, StringComparer.Ordinal))]
            : throw new InvalidFieldException(plan.Field("candidates"), "names a block twice.");
    }

    private static void Checked(string field, Func<object> check)
    {
        try
        {
            check();
        }
        catch (PlanningException e)
        {
            throw new InvalidFieldException(field, e.Message);
        }
    }
}
