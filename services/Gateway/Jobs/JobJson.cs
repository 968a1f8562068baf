using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fewshot.Gateway.Jobs;

/// <summary>How records and events are written, wherever they are kept.</summary>
public static class JobJson
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    /// <summary>One line of UTF-8.</summary>
    public static byte[] Write<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, Options);

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    public static T Read<T>(ReadOnlySpan<byte> text) => JsonSerializer.Deserialize<T>(text, Options)!;
}
