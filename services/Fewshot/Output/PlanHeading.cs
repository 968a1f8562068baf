using System.Text.Json;
using Fewshot.Cli.Inputs;
using Fewshot.Models;

namespace Fewshot.Cli.Output;

/// <summary>What every plan says first.</summary>
internal static class PlanHeading
{
    public static string Of(PlannedNetwork network) =>
        $"{network.Spec.Variant} at {network.Spec.Preprocessing.Size}: {network.Costs.Macs / 1e6:0.0} million MACs ({Convention(network)}), " +
        $"{network.Costs.Params / 1e6:0.000} million parameters, {network.Costs.Blocks.Count} blocks";

    public static void Write(Utf8JsonWriter json, PlannedNetwork network)
    {
        json.WriteString("network", network.Spec.Variant);
        json.WriteNumber("image_size", network.Spec.Preprocessing.Size);
        json.WriteString("macs_convention", Convention(network));
        json.WriteNumber("macs", network.Costs.Macs);
        json.WriteNumber("params", network.Costs.Params);
        json.WriteString("compresses", network.IsCompressible ? "blocks_to_mlps" : "whole_blocks");
        json.WriteStartArray("candidates");
        foreach (var block in network.Candidates)
            json.WriteStringValue(block.Name);
        json.WriteEndArray();
    }

    private static string Convention(PlannedNetwork network) => network.Convention == MacsConvention.Paper ? "paper" : "standard";
}
