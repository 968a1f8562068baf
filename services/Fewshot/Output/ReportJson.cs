using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fewshot.Cli.Output;

/// <summary>Reading of JSON reports.</summary>
internal static class ReportJson
{
    /// <exception cref="CommandException">The bytes are no JSON object.</exception>
    public static JsonObject Parse(byte[] report)
    {
        try
        {
            return JsonNode.Parse(report)!.AsObject();
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or NullReferenceException)
        {
            throw new CommandException(ExitCodes.Internal, "the gateway's report is no JSON object", exception);
        }
    }

    public static string OneLine(byte[] report) => Parse(report).ToJsonString();

    /// <summary>A number; protobuf's JSON writes whole numbers of 64 bits as text.</summary>
    public static double? Number(this JsonNode? node, string name) =>
        double.TryParse(node.Text(name), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;

    public static bool Flag(this JsonNode? node, string name) =>
        node is JsonObject value && value[name] is JsonValue flag && flag.TryGetValue(out bool set) && set;

    public static string Text(this JsonNode? node, string name) =>
        node is JsonObject value && value[name] is JsonValue text ? text.ToString() : "";
}
