using Fewshot.EndToEnd;

namespace Fewshot.Histories;

/// <summary>A checker that finds nothing would pass everything: each broken promise must be found, and a kept one not.</summary>
public class HistoryCheckerTests
{
    private static readonly HistoryEntry Submitted = new(Happening.Submitted, "job-1"), Succeeded = new(Happening.Ended, "job-1", Digest: "m", States: ["Succeeded"]);

    [Fact]
    public void Check_EverythingKept_FindsNothing() => Assert.Empty(HistoryChecker.Check(
    [
        Submitted, Expected("m", "Succeeded"), Event("a", 1), Event("b", 1), Event("a", 2), Result("k", "x"), Event("a", 3), Event("b", 2), Result("k", "x"), Succeeded, Succeeded,
        new(Happening.Needed, Digest: "m"), new(Happening.Collected), new(Happening.Kept, Digest: "m"),
    ]));

    [Fact]
    public void Check_LostJob_IsFound() => Finds("job-2 was acknowledged and never ended", Submitted, new(Happening.Submitted, "job-2"), Succeeded);

    [Fact]
    public void Check_JobThatEndedTwiceDifferently_IsFound() =>
        Finds("job-1 ended as Succeeded m and as Failed", Submitted, Succeeded, new(Happening.Ended, "job-1", States: ["Failed"]));

    [Fact]
    public void Check_WrongEnd_IsFound() => Finds("job-1 ended as Failed, not as Cancelled or Succeeded",
        Submitted, Expected("m", "Cancelled", "Succeeded"), new(Happening.Ended, "job-1", States: ["Failed"]));

    [Fact]
    public void Check_OtherModel_IsFound() => Finds("job-1 made m, undisturbed n", Submitted, Expected("n", "Succeeded"), Succeeded);

    [Fact]
    public void Check_CancelledJob_NeedsNoModel() =>
        Assert.Empty(HistoryChecker.Check([Submitted, Expected("m", "Cancelled", "Succeeded"), new(Happening.Ended, "job-1", States: ["Cancelled"])]));

    [Fact]
    public void Check_TwoResultsOfAStep_AreFound() => Finds("step k has the results x and y", Result("k", "x"), Result("l", "y"), Result("k", "y"));

    [Theory]
    [InlineData(null)]
    [InlineData("k")]
    public void Check_ResultAfterItWasTakenAway_MayBeAnother(string? step) =>
        Assert.Empty(HistoryChecker.Check([Result("k", "x"), new(Happening.Forgotten, Step: step), Result("k", "y")]));

    [Fact]
    public void Check_ResultAfterAnotherWasTakenAway_MayNot() => Finds("step k has", Result("k", "x"), new(Happening.Forgotten, Step: "l"), Result("k", "y"));

    [Fact]
    public void Check_GapInTheSequence_IsFound() => Finds("a saw event 3 of job-1 and missed those from 2 on", Event("a", 1), Event("a", 3), Event("a", 4));

    [Fact]
    public void Check_MissedBeginning_IsFound() => Finds("a saw event 2 of job-1 and missed those from 1 on", Event("a", 2));

    [Fact]
    public void Check_RepeatInTheSequence_IsFound() => Finds("a saw event 2 of job-1 again", Event("a", 1), Event("a", 2), Event("a", 2), Event("a", 3));

    [Fact]
    public void Check_EventsThatWereTakenAway_AreNotMissed() =>
        Assert.Empty(HistoryChecker.Check([Event("a", 1), new(Happening.Forgotten), Event("a", 5), Event("b", 4), Event("a", 6)]));

    [Fact]
    public void Check_GapAfterThat_IsFound() => Finds("a saw event 7", Event("a", 1), new(Happening.Forgotten), Event("a", 5), Event("a", 7));

    [Fact]
    public void Check_Orphan_IsFound() => Finds("o is an orphan", new(Happening.Needed, Digest: "m"), new(Happening.Collected), new(Happening.Kept, Digest: "m"), new(Happening.Kept, Digest: "o"));

    [Fact]
    public void Check_NeededArtifactThatIsGone_IsFound() => Finds("m is needed and was removed", new(Happening.Needed, Digest: "m"), new(Happening.Collected));

    [Fact]
    public void History_ReadAgain_IsWhatWasAdded()
    {
        using var folder = new TemporaryFolder();
        HistoryEntry[] entries = [Submitted, Expected("m", "Succeeded"), Event("a", 1), Result("k", "x"), new(Happening.Forgotten), Succeeded];
        foreach (var half in entries.Chunk(3))
        {
            using var history = new History(folder["history.jsonl"]);
            foreach (var entry in half)
                history.Add(entry);
            Assert.Equal(half[^1].What, history.Read()[^1].What);
        }

        Assert.Equal(entries.Select(entry => entry with { States = null }), History.Read(folder["history.jsonl"]).Select(entry => entry with { States = null }));
        Assert.Equal(6, File.ReadLines(folder["history.jsonl"]).Count());
    }

    private static void Finds(string violation, params HistoryEntry[] history) =>
        Assert.StartsWith(violation, Assert.Single(HistoryChecker.Check(history)), StringComparison.Ordinal);

    private static HistoryEntry Event(string watcher, long sequence) => new(Happening.Event, "job-1", watcher, sequence);

    private static HistoryEntry Result(string step, string digest) => new(Happening.Result, Step: step, Digest: digest);

    private static HistoryEntry Expected(string digest, params string[] states) => new(Happening.Expected, "job-1", Digest: digest, States: states);
}
