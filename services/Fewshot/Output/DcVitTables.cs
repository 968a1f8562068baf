using System.Text.Json.Nodes;
using Spectre.Console;

namespace Fewshot.Cli.Output;

/// <summary>What a report says beyond the networks themselves where images were synthesised and blocks compressed.</summary>
internal static class DcVitTables
{
    public static void Structure(IAnsiConsole console, JsonNode structure)
    {
        var blocks = structure.Number("blocks") == 1 ? "1 block" : $"{structure.Text("blocks")} blocks";
        var asked = structure.Number("macs_target") is { } target ? $" ({Figures.Millions(target)} asked)" : "";
        console.WriteLine(
            (structure.Number("kept_hidden") is { } kept ? $"{blocks} without attention, {kept:0} hidden units each" : $"{blocks} dropped whole") +
            $": {Figures.Millions(structure.Number("macs") ?? 0)} million MACs{asked}, {structure.Text("macs_convention")} convention");
    }

    /// <summary>Images that were made out of the network; PRACTISE has none to judge on.</summary>
    public static void Synthetic(IAnsiConsole console, JsonNode report)
    {
        foreach (var (name, use) in new[] { ("synthetic_training", "to train on"), ("synthetic", report.Text("method") == "practise" ? "to train on" : "to judge on") })
        {
            if (report[name] is { } made)
                console.WriteLine($"{made.Text("images")} synthesised images {use} ({made.Text("method")}): the original sees the intended class in {Figures.Percent(made.Number("teacher_top1") ?? 0)} %");
        }
    }

    public static Table Candidates(JsonNode? blocks)
    {
        var table = Screen.Table("candidate", "rank", "metric", "mimic loss before", "after its trial", "");
        foreach (var block in blocks as JsonArray ?? [])
        {
            table.AddCells(
                block.Text("name"), block.Text("rank"), Figures.Shown(block.Number("metric"), "G4"), Figures.Shown(block.Number("first_loss"), "G4"),
                Figures.Shown(block.Number("last_loss"), "G4"), block.Flag("chosen") ? "chosen" : block.Text("note"));
        }

        return table;
    }

    public static Table Progressive(JsonArray steps)
    {
        var table = Screen.Table("step", "compressed", "top-1 %", "top-5 %", "mimic loss before", "after", "seconds");
        foreach (var (index, step) in steps.Index())
        {
            table.AddCells(
                $"{index + 1}", step.Text("block"), Percent(step.Number("top1")), Percent(step.Number("top5")), Figures.Shown(step.Number("first_loss"), "G4"),
                Figures.Shown(step.Number("last_loss"), "G4"), step.Number("seconds") is { } spent ? Figures.Shown(spent, "0.0") : "its trial");
        }

        return table;
    }

    private static string Percent(double? fraction) => fraction is { } value ? Figures.Percent(value) : "-";
}
