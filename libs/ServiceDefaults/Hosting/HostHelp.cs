using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Fewshot.ServiceDefaults;

/// <summary>What a deployable answers to <c>--help</c>: every key with its default and what it means, from the option classes and their documentation.</summary>
/// <param name="Summary">What it is, as a sentence.</param>
/// <param name="Options">Its own options beside <see cref="FewshotOptions"/>, as they are by default.</param>
public sealed partial record HostHelp(string Summary, params object[] Options)
{
    private IEnumerable<object> All => Options.Prepend(new FewshotOptions());

    /// <summary>The whole text.</summary>
    public override string ToString()
    {
        var text = new StringBuilder()
            .AppendLine(Summary).AppendLine()
            .AppendLine("Settings come from appsettings.json in the working folder, from the environment (Fewshot__Listen=...) and from the command line")
            .AppendLine("(--Fewshot:Listen=...); the later one counts. So do Logging:LogLevel:Default (Information), Logging:Console:FormatterName (line,")
            .AppendLine("or json), and OpenTelemetry's OTEL_... variables: traces and metrics go where OTEL_EXPORTER_OTLP_ENDPOINT says.");
        foreach (var options in All)
        {
            var section = OptionsSection.NameOf(options.GetType());
            var meanings = Meanings(options.GetType());
            foreach (var key in OptionsSection.Keys(options.GetType()))
            {
                var list = key.PropertyType != typeof(string) && typeof(IEnumerable).IsAssignableFrom(key.PropertyType);
                text.AppendLine().AppendLine(CultureInfo.InvariantCulture, $"  {section}:{key.Name}{(list ? ":0, :1, ..." : $" = {Shown(key.GetValue(options))}")}")
                    .AppendLine(CultureInfo.InvariantCulture, $"      {meanings.GetValueOrDefault(key.Name)}");
            }
        }

        return text.ToString();
    }

    /// <summary>What is wrong with a command line; null where nothing is.</summary>
    internal string? Refuses(IEnumerable<string> arguments)
    {
        var sections = All.Select(options => OptionsSection.NameOf(options.GetType())).Append("Logging").ToArray();
        return arguments.FirstOrDefault(argument => !sections.Any(section => argument.StartsWith($"--{section}:", StringComparison.OrdinalIgnoreCase) && argument.Contains('=')))
            is { } wrong ? $"'{LogText.Escape(wrong)}' is no setting: give --Section:Key=VALUE; --help lists them." : null;
    }

    private static string Shown(object? value) => value switch
    {
        null or "" => "(none)",
        bool flag => flag ? "true" : "false",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static Dictionary<string, string> Meanings(Type options)
    {
        var file = Path.ChangeExtension(options.Assembly.Location, ".xml");
        if (!File.Exists(file))
            return [];
        var prefix = $"P:{options.FullName}.";
        return XDocument.Load(file).Descendants("member").Where(member => ((string?)member.Attribute("name"))?.StartsWith(prefix, StringComparison.Ordinal) ?? false)
            .ToDictionary(member => ((string)member.Attribute("name")!)[prefix.Length..], member => Flat(member.Element("summary")!), StringComparer.Ordinal);
    }

    private static string Flat(XElement summary)
    {
        foreach (var reference in summary.Descendants("see").ToArray())
            reference.ReplaceWith(((string)reference.Attribute("cref")!).Split('.')[^1]);
        return Spaces().Replace(summary.Value, " ").Trim();
    }

    [GeneratedRegex(@"\s+", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Spaces();
}
