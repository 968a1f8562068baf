using System.Text.Json;
using System.Text.Json.Serialization;
using Fewshot.Artifacts;

namespace Fewshot.Gateway.Jobs;

/// <summary>How records and events are written, wherever they are kept.</summary>
public static class JobJson
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    /// <summary>One line of UTF-8.</summary>
    public static byte[] Write<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, Options);

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="DataLossException">It is damaged.</exception>
    public static T Read<T>(ReadOnlySpan<byte> text)
        where T : class => TryRead<T>(text) ?? throw new DataLossException("What is stored of a job is damaged.");

    /// <summary>Reads what <see cref="Write"/> wrote; null where it is damaged.</summary>
    public static T? TryRead<T>(ReadOnlySpan<byte> text)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(text, Options);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
