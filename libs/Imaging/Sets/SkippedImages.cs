namespace Fewshot.Imaging;

/// <summary>Counts images that cannot be used, and keeps the first few reasons.</summary>
/// <param name="count">Those that were skipped before.</param>
/// <param name="before">Their reasons.</param>
internal sealed class SkippedImages(int count = 0, IReadOnlyList<string>? before = null)
{
    private const int ReasonsKept = 5;
    private readonly List<string> reasons = [.. before ?? []];

    public int Count { get; private set; } = count;

    /// <summary>Each with the image's name.</summary>
    public IReadOnlyList<string> Reasons => reasons;

    public void Add(string reason)
    {
        Count++;
        if (reasons.Count < ReasonsKept)
            reasons.Add(reason);
    }

    /// <summary>That nothing is left.</summary>
    /// <param name="source">What the images came from, as the end of "No image of".</param>
    public ImageSetException NothingLeft(string source) =>
        new($"No image of {source} can be used; {Count} were skipped. {string.Join(" ", reasons)}");
}
