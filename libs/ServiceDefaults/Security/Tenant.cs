using System.Buffers;

namespace Fewshot.ServiceDefaults;

/// <summary>Who calls: the owner of jobs and artifacts. What is not limited is null.</summary>
/// <param name="Name">1 to 63 of a-z, 0-9, '-' and '.', not beginning or ending with '-' or '.'.</param>
public sealed record Tenant(string Name)
{
    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-.");

    /// <summary>Everybody, where no tokens and no authority are set.</summary>
    public static Tenant Local { get; } = new("local");

    /// <summary>Jobs that have not ended.</summary>
    public int? MaxUnfinishedJobs { get; init; }

    /// <summary>Jobs that run at a time; more wait.</summary>
    public int? MaxRunningJobs { get; init; }

    /// <summary>Bytes of uploads that are stored.</summary>
    public long? MaxArtifactBytes { get; init; }

    /// <summary>Jobs watched at a time.</summary>
    public int? MaxStreams { get; init; }

    /// <summary>Seconds of workers' time within 24 hours; then no further step begins.</summary>
    public long? MaxComputeSeconds { get; init; }

    /// <summary>Whether a text can be a tenant's name.</summary>
    public static bool IsName(string? text) => text is { Length: >= 1 and <= 63 } && !text.AsSpan().ContainsAnyExcept(NameCharacters)
        && char.IsAsciiLetterOrDigit(text[0]) && char.IsAsciiLetterOrDigit(text[^1]);
}
