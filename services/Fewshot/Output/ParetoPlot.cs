using System.Text.Json.Nodes;
using System.Xml.Linq;
using ScottPlot;
using ScottPlot.TickGenerators;
using SkiaSharp;

namespace Fewshot.Cli.Output;

/// <summary>
/// The report of several targets as an SVG: accuracy (mimic loss where there are no labels) against latency and against MACs.
/// </summary>
internal static class ParetoPlot
{
    private const int PanelWidth = 480, PanelHeight = 380, TitleHeight = 36, Gap = 5;
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    /// <summary>What to tell the user where the plot lacks its text; null otherwise.</summary>
    public static string? Shortcoming => PlotFont.Installed is null
        ? "pareto.svg has no text because no font is installed; install one (Debian and Ubuntu: fonts-dejavu-core) "
            + "and run the same command again"
        : null;

    public static string Draw(JsonObject report)
    {
        if (PlotFont.Installed is { } installed && !Fonts.FontResolvers.Contains(installed))
            Fonts.FontResolvers.Insert(0, installed);
        var (networks, quality) = Networks(report);
        List<(string Name, Func<Network, double> X)> axes = [("MACs, million per image", network => network.Macs / 1e6)];
        if (networks.TrueForAll(network => network.LatencyUs is not null))
            axes.Insert(0, (
                $"latency, ms per batch of {report["device"].Text("batch_size")}", network => network.LatencyUs!.Value / 1000));
        var title = $"{report.Text("arch")} compressed to several targets";

        var (width, height) = (axes.Count * PanelWidth, TitleHeight + PanelHeight);
        using var stream = new MemoryStream();
        using (var canvas = SKSvgCanvas.Create(new SKRect(0, 0, width, height), stream))
        {
            canvas.Clear(SKColors.White);
            using var font = new SKFont(PlotFont.Installed?.Typeface ?? SKTypeface.Default, 18);
            using var paint = new SKPaint { IsAntialias = true };
            canvas.DrawText(title, width / 2f, 26, SKTextAlign.Center, font, paint);
            canvas.Translate(0, TitleHeight);
            foreach (var (name, x) in axes)
            {
                using var panel = Panel(name, quality, [.. networks.Where(network => network.Quality is not null)], x);
                // The first rendering measures the labels and draws again if that changes the layout. It happens off screen, or the SVG
                // would hold everything twice.
                panel.RenderInMemory(PanelWidth, PanelHeight);
                panel.Render(canvas, PanelWidth, PanelHeight);
                canvas.Translate(PanelWidth, 0);
            }
        }

        stream.Position = 0;
        return Finished(XDocument.Load(stream), title, width, height);
    }

    private static Plot Panel(string xName, string yName, Network[] networks, Func<Network, double> x)
    {
        var plot = new Plot();
        if (PlotFont.Installed is { } font)
            plot.Font.Set(font.Name);
        plot.XLabel(xName, 14);
        plot.YLabel(yName, 14);
        plot.Axes.Bottom.Label.Bold = plot.Axes.Left.Label.Bold = false;
        double[] xs = [.. networks.Select(x)], ys = [.. networks.Select(network => network.Quality!.Value)];
        var points = networks.Where(network => !network.IsOriginal).Select(network => new Coordinates(x(network), network.Quality!.Value));
        var line = plot.Add.Scatter(points.ToArray(), Color.FromHex("#0969da"));
        (line.LegendText, line.LineWidth, line.MarkerSize) = ("compressed to this share of the MACs", 2, 8);
        foreach (var i in Enumerable.Range(0, networks.Length).Where(i => networks[i].IsOriginal))
        {
            var original = plot.Add.Marker(xs[i], ys[i], MarkerShape.FilledCircle, 10, Color.FromHex("#bc4c00"));
            original.LegendText = "original";
        }

        // Beside a line that rises there is room right below a point and left above it; beside one that falls, the other way round.
        var isRising = networks.Length == 0 || ys[Array.IndexOf(xs, xs.Max())] >= ys[Array.IndexOf(xs, xs.Min())];
        for (var i = 0; i < networks.Length; i++)
        {
            var isFirst = xs[i] < xs.Max();
            var label = plot.Add.Text(networks[i].Label, xs[i], ys[i]);
            (label.LabelAlignment, label.OffsetX, label.OffsetY) = (isFirst, isRising) switch
            {
                (true, true) => (Alignment.UpperLeft, Gap, Gap),
                (true, false) => (Alignment.LowerLeft, Gap, -Gap),
                (false, true) => (Alignment.LowerRight, -Gap, -Gap),
                (false, false) => (Alignment.LowerRight, 2 * Gap, -2 * Gap),
            };
            (label.LabelFontSize, label.LabelFontColor) = (12, Colors.Black);
        }

        plot.ShowLegend(isRising ? Alignment.LowerRight : Alignment.UpperRight);
        plot.Axes.Bottom.TickGenerator = new NumericAutomatic { TargetTickCount = 6 };
        plot.Axes.Left.TickGenerator = new NumericAutomatic { TargetTickCount = 6 };
        plot.Axes.Margins(0.2, 0.25);
        return plot;
    }

    /// <summary>
    /// Adds a title for screen readers, a size that adapts, and fonts of similar widths for viewers that lack ours.
    /// </summary>
    private static string Finished(XDocument svg, string title, int width, int height)
    {
        var root = svg.Root!;
        root.SetAttributeValue("viewBox", FormattableString.Invariant($"0 0 {width} {height}"));
        root.SetAttributeValue("role", "img");
        root.AddFirst(new XElement(Svg + "title", title));
        foreach (var text in root.Descendants(Svg + "text"))
        {
            text.Value = text.Value.Trim();
            // Skia places every letter and leaves a comma at the end of the list, for which some viewers reject it. Where the text begins
            // is enough.
            foreach (var place in new[] { text.Attribute("x"), text.Attribute("y") }.OfType<XAttribute>())
                place.Value = place.Value.Split(',')[0];
            text.SetAttributeValue("font-family", $"{PlotFont.Installed?.Name}, Verdana, sans-serif");
        }

        return svg.ToString();
    }

    private static (List<Network> Networks, string Quality) Networks(JsonObject report)
    {
        var targets = (report["targets"] as JsonArray ?? []).Select(target => target!).ToArray();
        var teacher = report["teacher"];
        var labeled = teacher.Number("top1") is not null;
        var quality = labeled ? 100 * teacher.Number("top1") : 0;
        var networks = new List<Network> { new("original", Latency(teacher), Macs(teacher), quality, IsOriginal: true) };
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
