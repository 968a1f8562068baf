using System.Text;

namespace Fewshot.Artifacts;

/// <summary>Text from outside, made fit for an error message or a log line.</summary>
internal static class Printable
{
    private const int Longest = 120;

    /// <summary>Quotes the text with control and non-character code units escaped, cut after 120 characters.</summary>
    public static string Quote(string? text)
    {
        if (text is null)
            return "(nothing)";
        var quoted = new StringBuilder("'");
        foreach (var c in text.AsSpan(0, Math.Min(text.Length, Longest)))
        {
            if (char.IsControl(c) || char.IsSurrogate(c) || char.GetUnicodeCategory(c) is System.Globalization.UnicodeCategory.Format
                or System.Globalization.UnicodeCategory.LineSeparator or System.Globalization.UnicodeCategory.ParagraphSeparator)
                quoted.Append("\\u").Append(((int)c).ToString("x4"));
            else
                quoted.Append(c);
        }

        return quoted.Append(text.Length > Longest ? "...'" : "'").ToString();
    }
}
