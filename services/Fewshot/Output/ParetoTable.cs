using System.Globalization;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Fewshot.Cli.Output;

/// <summary>The networks of several targets side by side.</summary>
internal static class ParetoTable
{
    /// <summary>The file of a target's network.</summary>
    public static string FileOf(double macsRatio) => $"model_{macsRatio.ToString("0.00####", CultureInfo.InvariantCulture)}.safetensors";

    public static void Print(IAnsiConsole console, byte[] json, string folder)
    {
        var report = ReportJson.Parse(json);
        CompressionTable.Heading(console, report);
        DcVitTables.Synthetic(console, report);
        console.Write(Targets(report));
        console.Write(DcVitTables.Candidates(report["blocks"]));
        CompressionTable.Ending(console, report, folder);
    }

    private static Table Targets(JsonObject report)
    {
        var table = Screen.Table("network", "top-1 %", "before finetuning", "latency ms", "change", "MACs (million)", "ratio", "parameters (million)", "blocks", "hidden units");
        var teacher = report["teacher"];
        table.AddCells(["original", .. Accuracies(teacher), Milliseconds(teacher), "", Millions(teacher, "macs"), "", Millions(teacher, "params"), "", ""]);
        foreach (var target in report["targets"] as JsonArray ?? [])
        {
            var (result, structure) = (target!["result"], target["structure"]);
            table.AddCells(
            [
                FileOf(target.Number("macs_ratio") ?? 0), .. Accuracies(result), Milliseconds(result),
                target.Number("latency_reduction") is { } reduction ? Figures.Change(1, 1 - reduction) : "-",
                Millions(result, "macs"), Figures.Shown(1 - target.Number("macs_reduction"), "0.0000"), Millions(result, "params"),
                structure.Text("blocks"), structure.Number("kept_hidden") is { } kept ? $"{kept:0}" : "dropped",
            ]);
        }

        return table;
    }

    private static string[] Accuracies(JsonNode? network) => [.. new[] { "top1", "top1_before_finetune" }.Select(name => network.Number(name) is { } value ? Figures.Percent(value) : "")];

    private static string Milliseconds(JsonNode? network) => network.Number("latency_us") is { } value ? Figures.Milliseconds(value) : "-";

    private static string Millions(JsonNode? network, string name) => network.Number(name) is { } value ? Figures.Millions(value) : "-";
}
