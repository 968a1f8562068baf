using Fewshot.Gateway.Jobs;

namespace Fewshot.Gateway.Tests;

public sealed class JobIndexTests
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch;
    private readonly JobIndex index = new();

    [Fact]
    public void List_Pages_AreNewestFirstAndNotShiftedByNewJobs()
    {
        for (var i = 0; i < 5; i++)
            Add(Entry(i));
        Assert.Equal(["4", "3"], index.List(after: null, 2, tenant: null)!);
        Add(Entry(5));
        Assert.Equal(["2", "1"], index.List("3", 2, tenant: null)!);
        Assert.Equal(["0"], index.List("1", 2, tenant: null)!);
        Assert.Empty(index.List("0", 2, tenant: null)!);
        Assert.Null(index.List("6", 2, tenant: null));
    }

    [Fact]
    public void List_Tenants_SeeTheirOwn()
    {
        Add(Entry(0, "a"));
        Add(Entry(1, "b"));
        Assert.Equal(["0"], index.List(after: null, 10, "a")!);
        Assert.Null(index.List("0", 10, "b"));
        Assert.Equal((1, 1, 0), (index.UnfinishedOf("a"), index.UnfinishedOf("b"), index.UnfinishedOf("c")));
    }

    [Fact]
    public void Change_EndedAndRemoved_CountNoLonger()
    {
        for (var i = 0; i < 3; i++)
            Add(Entry(i));
        index.Change(Entry(1), Entry(1) with { Ended = true });
        Assert.Equal(["0", "2"], index.Unfinished());
        Assert.Equal(2, index.UnfinishedOf("a"));
        index.Change(Entry(1) with { Ended = true }, after: null);
        index.Change(Entry(0), after: null);
        Assert.Equal(["2"], index.Unfinished());
        Assert.Equal(1, index.UnfinishedOf("a"));
        Assert.False(index.Has("0"));
    }

    private void Add(JobEntry entry) => index.Change(before: null, entry);

    private static JobEntry Entry(int number, string tenant = "a") =>
        new(number.ToString(System.Globalization.CultureInfo.InvariantCulture), tenant, Start.AddSeconds(number), Ended: false);
}
