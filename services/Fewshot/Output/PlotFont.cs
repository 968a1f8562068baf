using ScottPlot;
using SkiaSharp;

namespace Fewshot.Cli.Output;

/// <summary>
/// One of the system's fonts for all text of a plot. Skia leaves out text that it has no font for, as in a container without fonts.
/// </summary>
internal sealed class PlotFont : IFontResolver
{
    private static readonly string[] Preferred = ["DejaVu Sans", "Liberation Sans", "Helvetica", "Arial", "Verdana"];

    private PlotFont(SKTypeface typeface) => Typeface = typeface;

    /// <summary>Null where no font is installed.</summary>
    public static PlotFont? Installed { get; } = Find();

    public SKTypeface Typeface { get; }

    public string Name => Typeface.FamilyName;

    public SKTypeface CreateTypeface(string fontName, FontWeight weight, FontSlant slant, FontSpacing spacing) => Typeface;

    public SKTypeface CreateTypeface(string fontName, bool bold, bool italic) => Typeface;

    private static PlotFont? Find()
    {
        var families = SKFontManager.Default.FontFamilies.ToArray();
        // Without fonts Skia names an empty one, which has no letters.
        var typeface = Preferred.Where(name => families.Contains(name, StringComparer.Ordinal)).Concat(families)
            .Select(SKTypeface.FromFamilyName).FirstOrDefault(candidate => candidate is not null && candidate.ContainsGlyphs("a0"));
        return typeface is null ? null : new PlotFont(typeface);
    }
}
