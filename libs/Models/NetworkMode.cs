namespace Fewshot.Models;

/// <summary>What all units of one network share: whether norms use the batch's statistics, and the arrays that convolutions are called with.</summary>
internal sealed class NetworkMode
{
    private static readonly long[][] Pairs = [.. Enumerable.Range(0, 8).Select(value => new long[] { value, value })];

    public bool Training { get; set; }

    /// <summary>The same array every time, so that a call allocates none.</summary>
    public long[] Pair(long value) => value < Pairs.Length ? Pairs[value] : [value, value];
}
