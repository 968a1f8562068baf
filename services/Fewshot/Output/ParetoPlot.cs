using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace Fewshot.Cli.Output;

/// <summary>
/// The report of several targets as an SVG: accuracy (mimic loss where there are no labels) against latency and against MACs. Its colours follow
/// the viewer's light or dark mode.
/// </summary>
internal static class ParetoPlot
{
    private const int PanelWidth = 400, Height = 340;

    private const string Style = """
        svg { background: #ffffff; font: 12px system-ui, sans-serif; }
        text { fill: #1f2328; }
        .title { font-size: 14px; font-weight: 600; }
        .grid { stroke: #d8dee4; }
        .axis { stroke: #57606a; }
        .line { stroke: #0969da; stroke-width: 2; fill: none; }
        .point { fill: #0969da; }
        .original { fill: #bc4c00; }
        @media (prefers-color-scheme: dark) {
          svg { background: #0d1117; }
          text { fill: #e6edf3; }
          .grid { stroke: #30363d; }
          .axis { stroke: #8b949e; }
          .line { stroke: #58a6ff; }
          .point { fill: #58a6ff; }
          .original { fill: #ffa657; }
        }
        """;

    public static string Draw(JsonObject report)
    {
        var (networks, quality) = Networks(report);
        List<(string Name, Func<Network, double?> X)> axes = [("MACs, million per image", network => network.Macs / 1e6)];
        if (networks.TrueForAll(network => network.LatencyUs is not null))
            axes.Insert(0, ($"latency, ms a batch of {report["device"].Text("batch_size")}", network => network.LatencyUs / 1000));

        var svg = new StringBuilder();
        svg.AppendLine(CultureInfo.InvariantCulture, $"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {axes.Count * PanelWidth} {Height}" width="{axes.Count * PanelWidth}" height="{Height}" role="img">""");
        var title = $"{report.Text("arch")} compressed to several targets";
        svg.AppendLine(CultureInfo.InvariantCulture, $"<title>{Escaped(title)}</title>");
        svg.AppendLine(CultureInfo.InvariantCulture, $"<style>\n{Style}\n</style>");
        svg.AppendLine(CultureInfo.InvariantCulture, $"""<text class="title" x="{axes.Count * PanelWidth / 2}" y="20" text-anchor="middle">{Escaped(title)}</text>""");
        foreach (var (index, (name, x)) in axes.Index())
        {
            svg.AppendLine(CultureInfo.InvariantCulture, $"""<g transform="translate({index * PanelWidth} 0)">""");
            var points = networks.Where(network => network.Quality is not null).Select(network => (network.Label, x(network)!.Value, network.Quality!.Value, network.IsOriginal));
            new PlotPanel(PanelWidth, Height, name, quality, [.. points]).AppendTo(svg);
            svg.AppendLine("</g>");
        }

        return svg.AppendLine("</svg>").ToString();
    }

    internal static string Escaped(string text) => WebUtility.HtmlEncode(text);

    private static (List<Network> Networks, string Quality) Networks(JsonObject report)
    {
        var targets = (report["targets"] as JsonArray ?? []).Select(target => target!).ToArray();
        var teacher = report["teacher"];
        var labeled = teacher.Number("top1") is not null;
        var networks = new List<Network> { new("original", Latency(teacher), Macs(teacher), labeled ? 100 * teacher.Number("top1") : 0, IsOriginal: true) };
        networks.AddRange(targets.Select(target => new Network(
            Figures.Shown(target.Number("macs_ratio"), "0.00##"),
            Latency(target["result"]),
            Macs(target["result"]),
            labeled ? 100 * target["result"].Number("top1") : target["mimic_loss"].Number("after"),
            IsOriginal: false)));
        return (networks, labeled ? "top-1 accuracy, %" : "mimic loss (no labels were given)");
    }

    private static double? Latency(JsonNode? network) => network.Number("latency_us");

    private static double Macs(JsonNode? network) => network.Number("macs") ?? 0;

    private sealed record Network(string Label, double? LatencyUs, double Macs, double? Quality, bool IsOriginal);
}
