using System.CommandLine;
using System.Text.Json;
using Fewshot.Cli.Options;
using Fewshot.Cli.Output;
using Fewshot.Models;

namespace Fewshot.Cli.Commands;

/// <summary><c>fewshot models</c>: the catalog.</summary>
internal static class ModelsCommand
{
    public static Command Create()
    {
        var name = new Argument<string?>("name") { Description = "one architecture, with its blocks", Arity = ArgumentArity.ZeroOrOne };
        var json = OptionKinds.Flag("--json", "print one JSON document");
        var command = new Command("models", "Lists the architectures, what they cost and which blocks can be dropped.") { name, json };
        command.SetAction(parsed =>
        {
            var variants = parsed.GetValue(name) is { } one ? [Find(one)] : ModelCatalog.Variants;
            var described = variants.Select(variant => (variant, ModelCatalog.Describe(variant.Spec()))).ToList();
            if (parsed.GetValue(json)) PrintJson(described);
            else if (described is [var (variant, costs)] && parsed.GetValue(name) is not null) PrintBlocks(variant, costs);
            else PrintTable(described);
            return ExitCodes.Success;
        });
        return command;
    }

    private static Variant Find(string name)
    {
        try
        {
            return ModelCatalog.Find(name);
        }
        catch (UnknownArchitectureException exception)
        {
            throw CommandException.BadInput(exception.Message, exception);
        }
    }

    private static void PrintTable(IEnumerable<(Variant Variant, NetworkCosts Costs)> rows)
    {
        var table = Screen.Table("architecture", "input", "classes", "MACs (million)", "parameters (million)", "blocks", "droppable");
        foreach (var (variant, costs) in rows)
        {
            table.AddCells(
                variant.Name, $"{variant.Preprocessing.Size}", $"{variant.Classes}", $"{costs.Macs / 1e6:0.0}", $"{costs.Params / 1e6:0.000}",
                $"{costs.Blocks.Count}", $"{costs.Blocks.Count(block => block.Droppable)}");
        }

        Screen.Results().Write(table);
        Console.WriteLine("'fewshot models NAME' lists the blocks of one; MobileNetV2 takes any width, as in mobilenet_v2_0.75.");
    }

    private static void PrintBlocks(Variant variant, NetworkCosts costs)
    {
        var preprocessing = variant.Preprocessing;
        Console.WriteLine(
            $"{variant.Name}: input {preprocessing.Size}, resize {preprocessing.Resize}, {preprocessing.Interpolation}, mean {string.Join(' ', preprocessing.Mean)}, std {string.Join(' ', preprocessing.Std)}");
        var table = Screen.Table("block", "stage", "MACs (million)", "parameters", "droppable");
        foreach (var block in costs.Blocks)
            table.AddCells(block.Name, $"{block.Stage}", $"{block.Macs / 1e6:0.000}", $"{block.Params}", block.Droppable ? "yes" : "no");
        Screen.Results().Write(table);
    }

    private static void PrintJson(IEnumerable<(Variant Variant, NetworkCosts Costs)> rows) => Console.WriteLine(JobJson.Line(json =>
    {
        json.WriteStartArray("models");
        foreach (var (variant, costs) in rows)
        {
            json.WriteStartObject();
            json.WriteString("name", variant.Name);
            json.WriteNumber("image_size", variant.Preprocessing.Size);
            json.WriteNumber("classes", variant.Classes);
            json.WriteNumber("macs", costs.Macs);
            json.WriteNumber("params", costs.Params);
            json.WriteStartArray("blocks");
            foreach (var block in costs.Blocks)
            {
                json.WriteStartObject();
                json.WriteString("name", block.Name);
                json.WriteNumber("stage", block.Stage);
                json.WriteNumber("macs", block.Macs);
                json.WriteNumber("params", block.Params);
                json.WriteBoolean("droppable", block.Droppable);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }));
}
