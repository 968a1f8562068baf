using Fewshot.Cli.Options;
using Fewshot.Models;
using Fewshot.Planning;

namespace Fewshot.Cli.Inputs;

/// <summary>A network as its description alone tells it, and which of its blocks may be compressed (or, where it has none of those, dropped).</summary>
internal sealed class PlannedNetwork
{
    private readonly long attentionParams, unitParams;

    private PlannedNetwork(NetworkSpec spec, NetworkCosts costs, BlockCosts[] candidates, MacsConvention convention)
    {
        (Spec, Costs, Candidates, Convention) = (spec, costs, candidates, convention);
        if (!IsCompressible) return;
        // What a block's attention holds, and a hidden unit: from two descriptions, because the MACs do not tell.
        var hidden = (int)candidates[0].Hidden;
        attentionParams = costs.Params - With(hidden).Params;
        unitParams = hidden > 1 ? costs.Params - attentionParams - With(hidden - 1).Params : 0;
    }

    public NetworkSpec Spec { get; }

    public NetworkCosts Costs { get; }

    public IReadOnlyList<BlockCosts> Candidates { get; }

    public MacsConvention Convention { get; }

    /// <summary>Its blocks become narrower MLPs; whole blocks are dropped otherwise.</summary>
    public bool IsCompressible => Candidates[0].Compressible;

    public long Hidden => Candidates[0].Hidden;

    public IReadOnlyList<BlockParts> Parts =>
        [.. Candidates.Select(block => new BlockParts(block.Name, block.Macs, block.AttentionMacs, block.MlpMacs, (int)block.Hidden))];

    /// <exception cref="CommandException">A candidate is no block that can go, or the network has none.</exception>
    public static PlannedNetwork Of(NetworkSpec spec, PlanSettings settings)
    {
        var convention = settings.PaperMacs ? MacsConvention.Paper : MacsConvention.Standard;
        var costs = ModelCatalog.Describe(spec, convention);
        var whole = !costs.Blocks.Any(block => block.Compressible);
        var able = costs.Blocks.Where(block => whole ? block.Droppable : block.Compressible).ToArray();
        if (able.Length == 0) throw CommandException.BadInput($"{spec.Variant} has no block left to compress");
        if (whole && settings.ExtraBlocks > 0) throw CommandException.BadInput($"--extra-blocks: {spec.Variant} loses whole blocks; it has no structure to spread over more");
        if (settings.Candidates is not { } names)
        {
            var inner = whole ? able : [.. able.Except([costs.Blocks[0], costs.Blocks[^1]])];
            return inner.Length > 0 ? new PlannedNetwork(spec, costs, inner, convention) : throw CommandException.BadInput(
                $"{spec.Variant} has no block left to compress but its first and last, which are not by default: --candidates names them");
        }

        var unknown = names.Where(name => able.All(block => block.Name != name)).ToArray();
        if (unknown.Length > 0)
            throw CommandException.BadInput($"--candidates: {string.Join(", ", unknown)} cannot be {(whole ? "dropped" : "compressed")}; {spec.Variant} lets {string.Join(", ", able.Select(block => block.Name))}");
        return new PlannedNetwork(spec, costs, [.. able.Where(block => names.Contains(block.Name))], convention);
    }

    public long ParamsOf(CompressedStructure structure) =>
        Costs.Params - (structure.Blocks * (attentionParams + (unitParams * (Hidden - structure.KeptHidden))));

    private NetworkCosts With(int kept) =>
        ModelCatalog.Describe(Spec with { Edits = [.. Spec.Edits, new CompressBlock(Candidates[0].Name, kept)] }, Convention);
}
