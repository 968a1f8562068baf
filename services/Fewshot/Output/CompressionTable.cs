using System.Globalization;
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
        console.WriteLine($"{report.Text("method")} of {report.Text("arch")}, {report.Text("samples")} images, seed {report.Text("seed")}");

        var table = Screen.Table("", "original", "compressed", "change");
        Row(table, "top-1 %", teacher.Number("top1"), result.Number("top1"), Percent, Points);
        Row(table, "top-5 %", teacher.Number("top5"), result.Number("top5"), Percent, Points);
        if (result.Number("top1_before_finetune") is { } before) table.AddCells("top-1 % before finetuning", "", Percent(before), "");
        // The reduction is of interleaved pairs, which says more than the two means.
        Row(table, "latency ms a batch", teacher.Number("latency_us"), result.Number("latency_us"), us => (us / 1000).ToString("0.00"),
            (before, after) => report.Number("latency_reduction") is { } paired ? Change(1, 1 - paired) : Change(before, after));
        Row(table, "MACs (million)", teacher.Number("macs"), result.Number("macs"), Millions, Change);
        Row(table, "parameters (million)", teacher.Number("params"), result.Number("params"), Millions, Change);
        console.Write(table);

        console.Write(BlockTable(report["blocks"]));
        foreach (var note in report["notes"] as JsonArray ?? [])
            console.WriteLine($"note: {note}");
        var seconds = report["seconds"];
        console.WriteLine(string.Join(", ", new[] { "profile", "trials", "finetune", "total" }
            .Where(part => seconds.Number(part) is not null).Select(part => $"{part} {seconds.Number(part):0.0} s")));
        console.WriteLine($"results in {folder}");
    }

    private static Table BlockTable(JsonNode? blocks)
    {
        var table = Screen.Table("block", "tau %", "+-", "recoverability", "score", "");
        foreach (var block in blocks as JsonArray ?? [])
        {
            var dropped = block!["dropped"] is JsonValue flag && flag.TryGetValue(out bool value) && value;
            table.AddCells(
                block.Text("name"),
                Shown(block.Number("tau") * 100, "0.00"),
                Shown(block.Number("tau_stderr") * 100, "0.00"),
                Shown(block.Number("recoverability"), "0.#####"),
                Shown(block.Number("score"), "0.####"),
                dropped ? "dropped" : block.Text("note"));
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

    private static string Shown(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";

    private static string Percent(double fraction) => (fraction * 100).ToString("0.00", CultureInfo.InvariantCulture);

    private static string Millions(double value) => (value / 1e6).ToString("0.000", CultureInfo.InvariantCulture);

    private static string Points(double before, double after) => ((after - before) * 100).ToString("+0.00;-0.00;0.00", CultureInfo.InvariantCulture);

    private static string Change(double before, double after) =>
        before == 0 ? "" : ((after - before) / before * 100).ToString("+0.0;-0.0;0.0", CultureInfo.InvariantCulture) + " %";
}
