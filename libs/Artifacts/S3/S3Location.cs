namespace Fewshot.Artifacts.S3;

/// <summary>Where artifacts are on an S3-speaking server: <c>s3://BUCKET[/PREFIX]</c>, and whose server it is.</summary>
/// <param name="Bucket">It must exist.</param>
/// <param name="Prefix">What every key begins with; empty, or ends with a slash.</param>
public sealed partial record S3Location(string Bucket, string Prefix)
{
    /// <summary>The server; null for AWS itself. Only the operator chooses it.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>The bucket's region; null: the AWS variables', else <c>us-east-1</c>.</summary>
    public string? Region { get; init; }

    /// <summary>Reads a location.</summary>
    /// <exception cref="FormatException">It is none; the message says what would be one.</exception>
    public static S3Location Parse(string text)
    {
        var match = Form().Match(text);
        return match.Success
            ? new S3Location(match.Groups["bucket"].Value, match.Groups["prefix"].Value is { Length: > 0 } prefix ? prefix.Trim('/') + "/" : "")
            : throw new FormatException("not the name of an S3 bucket: s3://BUCKET or s3://BUCKET/PREFIX, in letters, digits, '.', '_' and '-'.");
    }

    /// <inheritdoc/>
    public override string ToString() => $"s3://{Bucket}/{Prefix}";

    [System.Text.RegularExpressions.GeneratedRegex(
        @"\As3://(?<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?<prefix>(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*)/?\z", System.Text.RegularExpressions.RegexOptions.ExplicitCapture, 1000)]
    private static partial System.Text.RegularExpressions.Regex Form();
}
