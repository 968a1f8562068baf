using Fewshot.Cli.Inputs;
using Fewshot.Planning;
using System.Text.Json;

namespace Fewshot.Cli.Output;

/// <summary>A plan as tables or as JSON.</summary>
internal interface IPlanOutput
{
    void WriteTables();

    void WriteJson();
}

/// <summary>What DC-ViT can reach: per number of blocks a run of kept hidden units, and the structure of each ratio asked for (null in a gap between runs).</summary>
internal sealed record StructurePlan(
    PlannedNetwork Network, (CompressedStructure Largest, CompressedStructure Smallest)[] Runs, (double Ratio, CompressedStructure? Structure)[] Targets) : IPlanOutput
{
    public void WriteTables()
    {
        Console.WriteLine(PlanHeading.Of(Network) + $", {Network.Candidates.Count} of which may lose their attention and up to {Network.Hidden - 1} of {Network.Hidden} hidden units");
        if (Runs.Length > 0)
        {
            var runs = Screen.Table("blocks", "kept hidden", "MACs (million)", "MACs ratio");
            foreach (var (largest, smallest) in Runs)
                runs.AddCells($"{largest.Blocks}", $"{largest.KeptHidden} to {smallest.KeptHidden}", $"{Million(largest.Macs)} to {Million(smallest.Macs)}", $"{Share(largest.Macs)} to {Share(smallest.Macs)}");
            Screen.Results().Write(runs);
        }

        var targets = Screen.Table("MACs ratio", "blocks", "kept hidden", "MACs (million)", "reached", "parameters (million)", "parameters ratio");
        foreach (var (ratio, structure) in Targets)
        {
            if (structure is null)
            {
                targets.AddCells($"{ratio:0.####}", "none", "", "", "", "", "");
                continue;
            }

            var parameters = Network.ParamsOf(structure);
            targets.AddCells(
                $"{ratio:0.####}", $"{structure.Blocks}", $"{structure.KeptHidden}", Million(structure.Macs), Share(structure.Macs),
                $"{parameters / 1e6:0.000}", $"{(double)parameters / Network.Costs.Params:0.0000}");
        }

        Screen.Results().Write(targets);
    }

    public void WriteJson() => Console.WriteLine(JobJson.Line(json =>
    {
        PlanHeading.Write(json, Network);
        json.WriteNumber("hidden", Network.Hidden);
        json.WriteStartArray("runs");
        foreach (var (largest, smallest) in Runs)
        {
            json.WriteStartObject();
            json.WriteNumber("blocks", largest.Blocks);
            Range(json, "kept_hidden", largest.KeptHidden, smallest.KeptHidden);
            Range(json, "macs", largest.Macs, smallest.Macs);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("targets");
        foreach (var (ratio, structure) in Targets)
        {
            json.WriteStartObject();
            json.WriteNumber("macs_ratio", ratio);
            json.WriteBoolean("reachable", structure is not null);
            if (structure is not null) Write(json, structure);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }));

    private void Write(Utf8JsonWriter json, CompressedStructure structure)
    {
        var parameters = Network.ParamsOf(structure);
        json.WriteNumber("blocks", structure.Blocks);
        json.WriteNumber("kept_hidden", structure.KeptHidden);
        json.WriteNumber("macs_target", structure.TargetMacs);
        json.WriteNumber("macs", structure.Macs);
        json.WriteNumber("macs_ratio_reached", (double)structure.Macs / Network.Costs.Macs);
        json.WriteNumber("params", parameters);
        json.WriteNumber("params_ratio", (double)parameters / Network.Costs.Params);
    }

    private static void Range(Utf8JsonWriter json, string name, long largest, long smallest)
    {
        json.WriteNumber($"{name}_largest", largest);
        json.WriteNumber($"{name}_smallest", smallest);
    }

    private string Share(long macs) => $"{(double)macs / Network.Costs.Macs:0.0000}";

    private static string Million(long macs) => $"{macs / 1e6:0.0}";
}
