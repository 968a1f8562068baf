using System.Text.Json.Nodes;
using Spectre.Console;

namespace Fewshot.Cli.Output;

/// <summary>A compression report for people.</summary>
internal static class CompressionTable
{
    public static void Print(IAnsiConsole console, byte[] json, string folder)
    {
        var report = ReportJson.Parse(json);
        var (teacher, result) = (report["teacher"], report["result"]);
        Heading(console, report);
        if (report["structure"] is { } structure) DcVitTables.Structure(console, structure);
        DcVitTables.Synthetic(console, report);

        var table = Screen.Table("", "original", "compressed", "change");
        Row(table, "top-1 %", teacher.Number("top1"), result.Number("top1"), Figures.Percent, Figures.Points);
        Row(table, "top-5 %", teacher.Number("top5"), result.Number("top5"), Figures.Percent, Figures.Points);
        if (result.Number("top1_before_finetune") is { } before) table.AddCells("top-1 % before finetuning", "", Figures.Percent(before), "");
        // The reduction is of interleaved pairs, which says more than the two means.
        Row(table, "latency ms a batch", teacher.Number("latency_us"), result.Number("latency_us"), Figures.Milliseconds,
            (before, after) => report.Number("latency_reduction") is { } paired ? Figures.Change(1, 1 - paired) : Figures.Change(before, after));
        Row(table, "MACs (million)", teacher.Number("macs"), result.Number("macs"), Figures.Millions, Figures.Change);
        Row(table, "parameters (million)", teacher.Number("params"), result.Number("params"), Figures.Millions, Figures.Change);
        console.Write(table);

        console.Write(report["progressive"] is null ? BlockTable(report["blocks"]) : DcVitTables.Candidates(report["blocks"]));
        if (report["progressive"] is JsonArray steps) console.Write(DcVitTables.Progressive(steps));
        Ending(console, report, folder);
    }

    /// <summary>What was done.</summary>
    public static void Heading(IAnsiConsole console, JsonObject report) =>
        console.WriteLine($"{report.Text("method")} of {report.Text("arch")}, {report.Text("samples")} images, seed {report.Text("seed")}");

    /// <summary>What the reader must know, how long it took, and where it is.</summary>
    public static void Ending(IAnsiConsole console, JsonObject report, string folder)
    {
        foreach (var note in report["notes"] as JsonArray ?? [])
            console.WriteLine($"note: {note}");
        var seconds = report["seconds"];
        console.WriteLine(string.Join(", ", new[] { "profile", "synthesize", "trials", "finetune", "total" }
            .Where(part => seconds.Number(part) is { } spent && (spent > 0 || part != "synthesize")).Select(part => $"{part} {seconds.Number(part):0.0} s")));
        console.WriteLine($"results in {folder}");
    }

    private static Table BlockTable(JsonNode? blocks)
    {
        var table = Screen.Table("block", "tau %", "+-", "recoverability", "score", "");
        foreach (var block in blocks as JsonArray ?? [])
        {
            table.AddCells(
                block.Text("name"),
                Figures.Shown(block.Number("tau") * 100, "0.00"),
                Figures.Shown(block.Number("tau_stderr") * 100, "0.00"),
                Figures.Shown(block.Number("recoverability"), "0.#####"),
                Figures.Shown(block.Number("score"), "0.####"),
                block.Flag("dropped") ? "dropped" : block.Text("note"));
        }

        return table;
    }

    private static void Row(Table table, string name, double? before, double? after, Func<double, string> shown, Func<double, double, string> change)
    {
        if (before is null && after is null) return;
        table.AddCells(
            name,
            before is { } b ? shown(b) : "-",
            after is { } a ? shown(a) : "-",
            before is { } from && after is { } to ? change(from, to) : "");
    }
}
