namespace Fewshot.Histories;

/// <summary>
/// What must hold whatever died: no acknowledged job is lost and each ends as it must; a step has one result; a watcher sees every event once, in
/// order; a collection leaves what jobs need and nothing else.
/// </summary>
public static class HistoryChecker
{
    /// <summary>Every promise that the history breaks; none where all were kept.</summary>
    public static IReadOnlyList<string> Check(IReadOnlyCollection<HistoryEntry> history) =>
        [.. Jobs(history), .. Results(history), .. Sequences(history), .. Collection(history)];

    private static IEnumerable<string> Jobs(IReadOnlyCollection<HistoryEntry> history)
    {
        var ends = history.Where(entry => entry.What == Happening.Ended).ToLookup(entry => entry.Job);
        var expected = history.Where(entry => entry.What == Happening.Expected).ToLookup(entry => entry.Job);
        foreach (var job in history.Where(entry => entry.What == Happening.Submitted).Select(entry => entry.Job).Distinct())
        {
            if (!ends[job].Any())
                yield return $"{job} was acknowledged and never ended";
            foreach (var other in ends[job].Skip(1).Where(other => !Same(other, ends[job].First())))
                yield return $"{job} ended as {Text(ends[job].First())} and as {Text(other)}";
            foreach (var (wanted, end) in expected[job].SelectMany(wanted => ends[job].Select(end => (wanted, end))))
            {
                if (!wanted.States!.Contains(end.States!.Single()))
                    yield return $"{job} ended as {Text(end)}, not as {string.Join(" or ", wanted.States!)}";
                else if (end.States!.Single() == "Succeeded" && wanted.Digest != end.Digest)
                    yield return $"{job} made {end.Digest}, undisturbed {wanted.Digest}";
            }
        }
    }

    private static IEnumerable<string> Results(IEnumerable<HistoryEntry> history)
    {
        Dictionary<string, string> results = [];
        foreach (var entry in history)
        {
            if (entry is { What: Happening.Forgotten, Step: null })
                results.Clear();
            else if (entry is { What: Happening.Forgotten, Step: { } step })
                results.Remove(step);
            else if (entry.What == Happening.Result && !results.TryAdd(entry.Step!, entry.Digest!) && results[entry.Step!] != entry.Digest)
                yield return $"step {entry.Step} has the results {results[entry.Step!]} and {entry.Digest}";
        }
    }

    private static IEnumerable<string> Sequences(IEnumerable<HistoryEntry> history)
    {
        // The next number; null where events that were taken away may be missing.
        Dictionary<(string, string), long?> next = [];
        var atFirst = (long?)1;
        foreach (var entry in history)
        {
            if (entry is { What: Happening.Forgotten, Step: null })
            {
                atFirst = null;
                foreach (var watcher in next.Keys)
                    next[watcher] = null;
            }
            else if (entry.What == Happening.Event)
            {
                var watcher = (entry.Job!, entry.Watcher!);
                if (next.GetValueOrDefault(watcher, atFirst) is { } wanted && entry.Sequence != wanted)
                    yield return $"{entry.Watcher} saw event {entry.Sequence} of {entry.Job} {(entry.Sequence < wanted ? "again" : $"and missed those from {wanted} on")}";
                next[watcher] = entry.Sequence + 1;
            }
        }
    }

    private static IEnumerable<string> Collection(IReadOnlyCollection<HistoryEntry> history)
    {
        if (history.All(entry => entry.What != Happening.Collected))
            return [];
        var needed = history.Where(entry => entry.What == Happening.Needed).Select(entry => entry.Digest!).ToHashSet();
        var kept = history.Where(entry => entry.What == Happening.Kept).Select(entry => entry.Digest!).ToHashSet();
        return [.. kept.Except(needed).Select(orphan => $"{orphan} is an orphan"), .. needed.Except(kept).Select(lost => $"{lost} is needed and was removed")];
    }

    private static bool Same(HistoryEntry one, HistoryEntry other) => one.Digest == other.Digest && one.States!.SequenceEqual(other.States!);

    private static string Text(HistoryEntry end) => $"{end.States!.Single()} {end.Digest}{end.Message}".TrimEnd();
}
