namespace Fewshot.Gateway.Tenants;

/// <summary>Seconds that were used within the last 24 hours, to the quarter of an hour.</summary>
public sealed class UsedTime
{
    /// <summary>After this time nothing counts any more.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromHours(24);

    private static readonly TimeSpan Slice = TimeSpan.FromMinutes(15);
    private readonly SortedDictionary<long, double> used;

    /// <summary>Nothing is used yet.</summary>
    public UsedTime() => used = [];

    /// <summary>So much was used before.</summary>
    /// <param name="slices">Seconds by quarters of an hour, as <see cref="Slices"/> gives them.</param>
    public UsedTime(IReadOnlyDictionary<long, double> slices) => used = new SortedDictionary<long, double>(slices.ToDictionary());

    /// <summary>Seconds by quarters of an hour.</summary>
    public IReadOnlyDictionary<long, double> Slices => new Dictionary<long, double>(used);

    /// <summary>Adds seconds that were used just now.</summary>
    public void Add(double seconds, DateTimeOffset now)
    {
        var slice = now.UtcTicks / Slice.Ticks;
        used[slice] = used.GetValueOrDefault(slice) + seconds;
    }

    /// <summary>What counts at a time.</summary>
    public double UsedAt(DateTimeOffset now)
    {
        var oldest = (now - Window).UtcTicks / Slice.Ticks;
        foreach (var over in used.Keys.TakeWhile(slice => slice < oldest).ToArray())
            used.Remove(over);
        return used.Values.Sum();
    }
}
