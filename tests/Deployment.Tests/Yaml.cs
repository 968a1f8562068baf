using System.Globalization;
using YamlDotNet.RepresentationModel;

namespace Fewshot.Deployment.Tests;

/// <summary>A place in a document; looking below what is not there gives nothing, not an exception.</summary>
internal readonly record struct Yaml(YamlNode? Node)
{
    public bool Exists => Node is not null;

    public string? Text => (Node as YamlScalarNode)?.Value;

    public int Number => int.Parse(Text ?? throw new InvalidDataException("A number is missing."), CultureInfo.InvariantCulture);

    public bool IsTrue => Text == "true";

    public bool IsFalse => Text == "false";

    public IReadOnlyList<Yaml> Items => Node is YamlSequenceNode sequence ? [.. sequence.Select(node => new Yaml(node))] : [];

    /// <summary>A mapping's text values by key.</summary>
    public IReadOnlyDictionary<string, string> Map => Node is YamlMappingNode mapping
        ? mapping.Children.ToDictionary(pair => ((YamlScalarNode)pair.Key).Value!, pair => new Yaml(pair.Value).Text ?? "", StringComparer.Ordinal)
        : new Dictionary<string, string>(StringComparer.Ordinal);

    public IEnumerable<string> Keys => Map.Keys;

    public Yaml this[string key] => new(Node is YamlMappingNode mapping && mapping.Children.TryGetValue(new YamlScalarNode(key), out var value) ? value : null);

    /// <summary>Several steps down, parted by slashes.</summary>
    public Yaml At(string path) => path.Split('/').Aggregate(this, (node, key) => node[key]);

    public static IReadOnlyList<Yaml> Documents(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return [.. stream.Documents.Select(document => new Yaml(document.RootNode))];
    }

    /// <summary>A quantity of Kubernetes such as <c>512Mi</c>, in bytes.</summary>
    public double Bytes
    {
        get
        {
            var text = Text ?? throw new InvalidDataException("A quantity is missing.");
            var power = Array.FindIndex(["Ki", "Mi", "Gi", "Ti"], unit => text.EndsWith(unit, StringComparison.Ordinal));
            return power < 0 ? double.Parse(text, CultureInfo.InvariantCulture) : double.Parse(text[..^2], CultureInfo.InvariantCulture) * Math.Pow(1024, power + 1);
        }
    }
}
