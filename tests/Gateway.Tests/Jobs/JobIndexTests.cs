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
            index.Add(Entry(i));
        Assert.Equal(["4", "3"], index.List(after: null, 2, tenant: null)!);
        index.Add(Entry(5));
        Assert.Equal(["2", "1"], index.List("3", 2, tenant: null)!);
        Assert.Equal(["0"], index.List("1", 2, tenant: null)!);
        Assert.Empty(index.List("0", 2, tenant: null)!);
        Assert.Null(index.List("6", 2, tenant: null));
    }

    [Fact]
    public void List_Tenants_SeeTheirOwn()
    {
        index.Add(Entry(0, "a"));
        index.Add(Entry(1, "b"));
        Assert.Equal(["0"], index.List(after: null, 10, "a")!);
        Assert.Null(index.List("0", 10, "b"));
        Assert.Equal((1, 1, 0), (index.UnfinishedOf("a"), index.UnfinishedOf("b"), index.UnfinishedOf("c")));
    }

    [Fact]
    public void End_AndRemove_CountNoLonger()
    {
        for (var i = 0; i < 3; i++)
            index.Add(Entry(i));
        index.End("1");
        index.End("1");
        index.End("unknown");
        Assert.Equal(["0", "2"], index.Unfinished());
        Assert.Equal(2, index.UnfinishedOf("a"));
        index.Remove("1");
        index.Remove("0");
        index.Remove("0");
        Assert.Equal(["2"], index.Unfinished());
        Assert.Equal(1, index.UnfinishedOf("a"));
        Assert.False(index.Has("0"));
    }

    [Fact]
    public void Pages_StoredAndLoaded_AreTheSameIndexAndOnlyChangedOnesAreStored()
    {
        for (var i = 0; i < JobIndex.PageSize + 10; i++)
            index.Add(Entry(i));
        Assert.Equal([0, 1], index.TakeDirty());
        Assert.Empty(index.TakeDirty());
        index.End("3");
        index.Remove(JobIndex.PageSize.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal([0, 1], index.TakeDirty());
        index.NotStored(1);
        Assert.Equal([1], index.TakeDirty());
        var again = new JobIndex();
        for (var page = 0; page < index.PageCount; page++)
            again.Load(index.Page(page));
        Assert.Empty(again.TakeDirty());
        Assert.Equal(index.List(after: null, 1000, tenant: null), again.List(after: null, 1000, tenant: null));
        Assert.Equal(index.Unfinished(), again.Unfinished());
        Assert.Equal(index.UnfinishedOf("a"), again.UnfinishedOf("a"));
    }

    private static JobEntry Entry(int number, string tenant = "a") =>
        new(number.ToString(System.Globalization.CultureInfo.InvariantCulture), tenant, Start.AddSeconds(number), Ended: false);
}
