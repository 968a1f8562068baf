using System.Globalization;

namespace Fewshot.Cli.Output;

/// <summary>Numbers as tables show them.</summary>
internal static class Figures
{
    public static string Shown(double? value, string format) => value?.ToString(format, CultureInfo.InvariantCulture) ?? "-";

    public static string Percent(double fraction) => (fraction * 100).ToString("0.00", CultureInfo.InvariantCulture);

    public static string Milliseconds(double microseconds) => (microseconds / 1000).ToString("0.00", CultureInfo.InvariantCulture);

    public static string Millions(double value) => (value / 1e6).ToString("0.000", CultureInfo.InvariantCulture);

    public static string Points(double before, double after) => ((after - before) * 100).ToString("+0.00;-0.00;0.00", CultureInfo.InvariantCulture);

    public static string Change(double before, double after) =>
        before == 0 ? "" : ((after - before) / before * 100).ToString("+0.0;-0.0;0.0", CultureInfo.InvariantCulture) + " %";
}
