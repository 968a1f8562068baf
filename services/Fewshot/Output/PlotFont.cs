using ScottPlot;
using SkiaSharp;

namespace Fewshot.Cli.Output;

/// <summary>
/// The font that comes with the program. On a machine without fonts, such as a container, Skia would leave out every text of a plot; and
/// with the same font a report's plot has the same bytes everywhere.
/// </summary>
internal sealed class PlotFont : IFontResolver
{
    public const string Name = "DejaVu Sans";
    private const string Resource = "Fewshot.Cli.Output.DejaVuSans.ttf";

    public static SKTypeface Typeface { get; } = Load();

    public SKTypeface CreateTypeface(string fontName, FontWeight weight, FontSlant slant, FontSpacing spacing) => Typeface;

    public SKTypeface CreateTypeface(string fontName, bool bold, bool italic) => Typeface;

    private static SKTypeface Load()
    {
        using var stream = typeof(PlotFont).Assembly.GetManifestResourceStream(Resource)!;
        return SKTypeface.FromStream(stream);
    }
}
