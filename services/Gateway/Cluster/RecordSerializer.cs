using System.Text.Json;
using System.Text.Json.Serialization;
using Fewshot.Artifacts;
using Orleans.Storage;

namespace Fewshot.Gateway.Cluster;

/// <summary>How records are written, wherever they are kept: one line of JSON.</summary>
public sealed class RecordSerializer : IGrainStorageSerializer
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
    {
        try
        {
            return JsonSerializer.Deserialize<T>(text, Options) ?? throw Damaged(null);
        }
        catch (JsonException e)
        {
            throw Damaged(e);
        }
    }

    /// <inheritdoc/>
    public BinaryData Serialize<T>(T? input) => new(Write(input));

    /// <summary>Reads a record; as <see cref="BinaryData"/> it is what is stored.</summary>
    public T Deserialize<T>(BinaryData input) => input is T unread ? unread : Read<T>(input);

    private static DataLossException Damaged(Exception? e) => new("What is stored of a job is damaged.", e);
}
