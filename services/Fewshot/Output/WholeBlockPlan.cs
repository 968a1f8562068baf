using Fewshot.Cli.Inputs;
using Fewshot.Planning;

namespace Fewshot.Cli.Output;

/// <summary>What dropping whole blocks can reach: which blocks go is known only after their trials, so every figure is a range.</summary>
internal sealed record WholeBlockPlan(
    PlannedNetwork Network, IReadOnlyList<WholeBlockRange> Macs, IReadOnlyList<WholeBlockRange> Params, double? Ratio, (int AtLeast, int AtMost)? Needed) : IPlanOutput
{
    public void WriteTables()
    {
        Console.WriteLine(PlanHeading.Of(Network) + $", {Network.Candidates.Count} of which can be dropped whole");
        if (Needed is var (atLeast, atMost))
        {
            Console.WriteLine(
                $"MACs ratio {Ratio:0.####} or less: {(atLeast == atMost ? $"{atLeast}" : $"{atLeast} to {atMost}")} {(atMost == 1 ? "block" : "blocks")}, depending on which ones the trials choose");
        }

        var table = Screen.Table("blocks", "MACs (million)", "MACs ratio", "parameters (million)", "parameters ratio");
        foreach (var (macs, parameters) in Shown())
        {
            table.AddCells(
                $"{macs.Blocks}", Span(macs.Most / 1e6, macs.Fewest / 1e6, "0.0"), Span(Share(macs.Most), Share(macs.Fewest), "0.0000"),
                Span(parameters.Most / 1e6, parameters.Fewest / 1e6, "0.000"), Span(ShareOfParams(parameters.Most), ShareOfParams(parameters.Fewest), "0.0000"));
        }

        Screen.Results().Write(table);
    }

    public void WriteJson() => Console.WriteLine(JobJson.Line(json =>
    {
        PlanHeading.Write(json, Network);
        if (Needed is var (atLeast, atMost))
        {
            json.WriteNumber("macs_ratio", Ratio!.Value);
            json.WriteNumber("blocks_at_least", atLeast);
            json.WriteNumber("blocks_at_most", atMost);
        }

        json.WriteStartArray("dropped");
        foreach (var (macs, parameters) in Shown())
        {
            json.WriteStartObject();
            json.WriteNumber("blocks", macs.Blocks);
            json.WriteNumber("macs_most", macs.Most);
            json.WriteNumber("macs_fewest", macs.Fewest);
            json.WriteNumber("macs_ratio_most", Share(macs.Most));
            json.WriteNumber("macs_ratio_fewest", Share(macs.Fewest));
            json.WriteNumber("params_most", parameters.Most);
            json.WriteNumber("params_fewest", parameters.Fewest);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }));

    private IEnumerable<(WholeBlockRange Macs, WholeBlockRange Params)> Shown() =>
        Macs.Zip(Params).Where(row => Needed is not var (atLeast, atMost) || (row.First.Blocks >= atLeast && row.First.Blocks <= atMost));

    private double Share(long macs) => (double)macs / Network.Costs.Macs;

    private double ShareOfParams(long parameters) => (double)parameters / Network.Costs.Params;

    private static string Span(double most, double fewest, string format)
    {
        var (high, low) = (most.ToString(format), fewest.ToString(format));
        return high == low ? high : $"{high} to {low}";
    }
}
