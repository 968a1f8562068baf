using System.Globalization;
using System.Text;

namespace Fewshot.Cli.Output;

/// <summary>One plot of labeled points within an SVG: axes with round numbers, a line through the points after the original, in their order.</summary>
internal sealed class PlotPanel
{
    private const int Left = 64, Right = 28, Top = 44, Bottom = 56, Ticks = 5;
    private readonly int width, height;
    private readonly string xName, yName;
    private readonly (string Label, double X, double Y, bool IsOriginal)[] points;
    private readonly PlotAxis xAxis, yAxis;

    public PlotPanel(int width, int height, string xName, string yName, (string Label, double X, double Y, bool IsOriginal)[] points)
    {
        (this.width, this.height, this.xName, this.yName, this.points) = (width, height, xName, yName, points);
        (xAxis, yAxis) = (PlotAxis.Around([.. points.Select(point => point.X)], Ticks), PlotAxis.Around([.. points.Select(point => point.Y)], Ticks));
    }

    public void AppendTo(StringBuilder svg)
    {
        var (right, bottom) = (width - Right, height - Bottom);
        foreach (var tick in xAxis.Ticks)
        {
            Line(svg, "grid", X(tick), Top, X(tick), bottom);
            Text(svg, X(tick), bottom + 18, "middle", xAxis.Shown(tick));
        }

        foreach (var tick in yAxis.Ticks)
        {
            Line(svg, "grid", Left, Y(tick), right, Y(tick));
            Text(svg, Left - 8, Y(tick) + 4, "end", yAxis.Shown(tick));
        }

        Line(svg, "axis", Left, bottom, right, bottom);
        Line(svg, "axis", Left, Top, Left, bottom);
        Text(svg, (Left + right) / 2.0, height - 12, "middle", xName);
        var middle = (Top + bottom) / 2.0;
        svg.AppendLine(CultureInfo.InvariantCulture, $"""<text x="16" y="{middle:0.#}" text-anchor="middle" transform="rotate(-90 16 {middle:0.#})">{ParetoPlot.Escaped(yName)}</text>""");

        var line = points.Where(point => !point.IsOriginal).Select(point => string.Create(CultureInfo.InvariantCulture, $"{X(point.X):0.#},{Y(point.Y):0.#}"));
        svg.AppendLine(CultureInfo.InvariantCulture, $"""<polyline class="line" points="{string.Join(' ', line)}"/>""");
        var isRising = points.Length == 0 || points.MaxBy(point => point.X).Y >= points.MinBy(point => point.X).Y;
        foreach (var point in points)
        {
            var (x, y) = (X(point.X), Y(point.Y));
            svg.AppendLine(CultureInfo.InvariantCulture, $"""<circle class="{(point.IsOriginal ? "original" : "point")}" cx="{x:0.#}" cy="{y:0.#}" r="{(point.IsOriginal ? 5 : 4)}"/>""");
            // Beside a line that rises there is room right below a point and left above it; beside one that falls, the other way round.
            var isNearEdge = x > right - 60 || (isRising ? y > bottom - 20 : y < Top + 20);
            Text(svg, x + (isNearEdge ? -8 : 8), y + (isNearEdge == isRising ? -7 : 15), isNearEdge ? "end" : "start", point.Label);
        }
    }

    private double X(double value) => Left + (xAxis.Share(value) * (width - Left - Right));

    private double Y(double value) => height - Bottom - (yAxis.Share(value) * (height - Top - Bottom));

    private static void Line(StringBuilder svg, string kind, double x1, double y1, double x2, double y2) =>
        svg.AppendLine(CultureInfo.InvariantCulture, $"""<line class="{kind}" x1="{x1:0.#}" y1="{y1:0.#}" x2="{x2:0.#}" y2="{y2:0.#}"/>""");

    private static void Text(StringBuilder svg, double x, double y, string anchor, string text) =>
        svg.AppendLine(CultureInfo.InvariantCulture, $"""<text x="{x:0.#}" y="{y:0.#}" text-anchor="{anchor}">{ParetoPlot.Escaped(text)}</text>""");
}

/// <summary>An axis from one round number to another.</summary>
internal sealed record PlotAxis(double First, double Last, double Step)
{
    public IEnumerable<double> Ticks => Enumerable.Range(0, (int)Math.Round((Last - First) / Step) + 1).Select(i => First + (i * Step));

    /// <summary>The axis that holds all values with about so many steps of 1, 2 or 5 times a power of ten.</summary>
    public static PlotAxis Around(double[] values, int ticks)
    {
        var (least, most) = values.Length == 0 ? (0, 1) : (values.Min(), values.Max());
        var span = most > least ? most - least : Math.Max(Math.Abs(most), 1) * 0.1;
        var power = Math.Pow(10, Math.Floor(Math.Log10(span / ticks)));
        var step = power * new[] { 1.0, 2, 5, 10 }.First(factor => factor * power >= span / ticks);
        var first = Math.Floor(least / step) * step;
        return new PlotAxis(first, Math.Max(first + step, Math.Ceiling(most / step) * step), step);
    }

    public double Share(double value) => (value - First) / (Last - First);

    /// <summary>With as many digits as tell ticks apart.</summary>
    public string Shown(double tick) =>
        (Math.Abs(tick) < Step / 1000 ? 0 : tick).ToString("F" + Math.Max(0, (int)Math.Ceiling(-Math.Log10(Step) - 1e-9)), CultureInfo.InvariantCulture);
}
