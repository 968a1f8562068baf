using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fewshot.Gateway.Reports;

/// <summary>Reports as JSON, of parts whose fields stand side by side. What was not measured is null, never missing.</summary>
internal static class ReportDocument
{
    private static readonly JsonSerializerOptions Options = new() { WriteIndented = true, PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>One object with the fields of all parts, in their order; no two parts may have a field of one name.</summary>
    public static JsonObject Of(params ReadOnlySpan<object> parts)
    {
        var all = new JsonObject();
        foreach (var part in parts)
        {
            var fields = JsonSerializer.SerializeToNode(part, part.GetType(), Options)!.AsObject();
            foreach (var (name, value) in fields.ToArray())
            {
                fields.Remove(name);
                all.Add(name, value);
            }
        }

        return all;
    }

    /// <summary>UTF-8 JSON.</summary>
    public static byte[] ToBytes(JsonObject document) => JsonSerializer.SerializeToUtf8Bytes(document, Options);
}
