using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Fewshot.Artifacts;

/// <summary>
/// Names a step by what it computes: SHA-256 over method name, schema version and request bytes, each preceded by its length so that no two
/// triples share an encoding. Requests hold digests and parameters only, so equal keys mean equal results.
/// </summary>
public readonly record struct StepKey
{
    private readonly string? hex;

    private StepKey(string hex) => this.hex = hex;

    /// <summary>64 lower-case hexadecimal digits.</summary>
    /// <exception cref="InvalidOperationException">The value is <c>default</c>, which names no step.</exception>
    public string Hex => hex ?? throw new InvalidOperationException("A default StepKey names no step.");

    /// <summary>The key of one request of one method.</summary>
    /// <param name="method">Full gRPC method name, such as <c>/fewshot.trial.v1.BlockTrialService/RunTrials</c>.</param>
    /// <param name="schemaVersion">Raised whenever the same request would give another result.</param>
    /// <param name="request">The request's deterministic serialisation.</param>
    public static StepKey Of(string method, int schemaVersion, ReadOnlySpan<byte> request)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> number = stackalloc byte[8];
        var name = Encoding.UTF8.GetBytes(method);
        BinaryPrimitives.WriteInt64LittleEndian(number, name.Length);
        hash.AppendData(number);
        hash.AppendData(name);
        BinaryPrimitives.WriteInt64LittleEndian(number, schemaVersion);
        hash.AppendData(number);
        BinaryPrimitives.WriteInt64LittleEndian(number, request.Length);
        hash.AppendData(number);
        hash.AppendData(request);
        return new StepKey(Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    public static StepKey Parse(string text) => text.Length == 64 && text.All(char.IsAsciiHexDigitLower)
        ? new StepKey(text)
        : throw new FormatException($"Not a step key (64 lower-case hexadecimal digits): {Printable.Quote(text)}.");

    /// <inheritdoc/>
    public override string ToString() => hex ?? "(no step)";
}
