using System.Security.Cryptography;

namespace Fewshot.Artifacts;

/// <summary>The SHA-256 of an artifact's bytes, written <c>sha256:</c> and 64 lower-case hexadecimal digits; an artifact's only name.</summary>
public readonly record struct Digest
{
    private const string Prefix = "sha256:";
    private const int HexLength = 64;

    private readonly string? hex;

    private Digest(string hex) => this.hex = hex;

    /// <summary>The 64 lower-case hexadecimal digits.</summary>
    /// <exception cref="InvalidOperationException">The value is <c>default</c>, which names nothing.</exception>
    public string Hex => hex ?? throw new InvalidOperationException("A default Digest names no artifact.");

    /// <summary>The digest of bytes in memory.</summary>
    public static Digest Of(ReadOnlySpan<byte> content) => FromHash(SHA256.HashData(content));

    /// <summary>The digest that a finished SHA-256 computation (32 bytes) stands for.</summary>
    public static Digest FromHash(ReadOnlySpan<byte> hash) => hash.Length == SHA256.HashSizeInBytes
        ? new Digest(Convert.ToHexStringLower(hash))
        : throw new ArgumentException($"A SHA-256 hash has {SHA256.HashSizeInBytes} bytes, not {hash.Length}.", nameof(hash));

    /// <summary>The digest of a stream from its position to its end.</summary>
    public static async Task<Digest> OfAsync(Stream content, CancellationToken cancellationToken = default) =>
        FromHash(await SHA256.HashDataAsync(content, cancellationToken));

    /// <summary>Reads the one accepted form; upper case, blanks and other algorithms are refused.</summary>
    /// <exception cref="FormatException">The text is anything else.</exception>
    public static Digest Parse(string? text) => TryParse(text, out var digest)
        ? digest
        : throw new FormatException($"Not a digest (sha256: and 64 lower-case hexadecimal digits): {Printable.Quote(text)}.");

    /// <summary>The digest of these 64 digits, such as a file's name; null where they are none.</summary>
    internal static Digest? OfHex(string? text) => TryParse(Prefix + text, out var digest) ? digest : null;

    /// <inheritdoc cref="Parse"/>
    public static bool TryParse(string? text, out Digest digest)
    {
        digest = default;
        if (text is null || text.Length != Prefix.Length + HexLength || !text.StartsWith(Prefix, StringComparison.Ordinal))
            return false;
        foreach (var c in text.AsSpan(Prefix.Length))
        {
            if (!char.IsAsciiHexDigitLower(c))
                return false;
        }

        digest = new Digest(text[Prefix.Length..]);
        return true;
    }

    /// <summary>The form that <see cref="Parse"/> reads.</summary>
    public override string ToString() => hex is null ? "(no digest)" : Prefix + hex;
}
