using System.Globalization;
using Fewshot.Gateway.Cluster;

namespace Fewshot.Gateway.Tests;

public sealed class RecordPagesTests : IDisposable
{
    private const int PageSize = RecordPages<string>.PageSize;
    private readonly TemporaryFolder folder = new();
    private readonly SortedSet<string> seen = new(StringComparer.Ordinal);
    private readonly FileGrainStorage storage;

    public RecordPagesTests() => storage = new FileGrainStorage(folder.Path);

    public void Dispose()
    {
        storage.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task OpenAsync_AnotherActivation_HasWhatWasStored()
    {
        var pages = await OpenedAsync();
        await PutAsync(pages, PageSize + 10);
        pages.Remove("3");
        await pages.WriteAsync();
        seen.Clear();
        var again = await OpenedAsync();
        Assert.Equal(PageSize + 9, seen.Count);
        Assert.Null(again.Find("3"));
        Assert.Equal("4", again.Find("4"));
    }

    [Fact]
    public async Task WriteAsync_OneEntryChanged_WritesItsPageAlone()
    {
        var pages = await OpenedAsync();
        await PutAsync(pages, PageSize + 10);
        var written = File.GetLastWriteTimeUtc(folder["kind_key-0"]);
        pages.Put("new");
        await pages.WriteAsync();
        Assert.Equal(written, File.GetLastWriteTimeUtc(folder["kind_key-0"]));
        Assert.Contains("new", await File.ReadAllTextAsync(folder["kind_key-1"]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WriteAsync_AnotherActivationWrote_KeepsBothEntries()
    {
        var (first, second) = (await OpenedAsync(), await OpenedAsync());
        first.Put("a");
        await first.WriteAsync();
        second.Put("b");
        await second.WriteAsync();
        Assert.NotNull(second.Find("a"));
        var third = await OpenedAsync();
        Assert.True(third.Find("a") is not null && third.Find("b") is not null);
    }

    [Fact]
    public async Task WriteAsync_StorageWasEmptied_WritesEveryPageAgain()
    {
        var pages = await OpenedAsync();
        await PutAsync(pages, (2 * PageSize) + 10);
        foreach (var file in Directory.EnumerateFiles(folder.Path, "kind_*"))
            File.Delete(file);
        pages.Put("new");
        await pages.WriteAsync();
        await pages.Writing;
        seen.Clear();
        await OpenedAsync();
        Assert.Equal((2 * PageSize) + 11, seen.Count);
    }

    [Fact]
    public async Task OpenAsync_PageIsDamaged_HasTheOthers()
    {
        var pages = await OpenedAsync();
        await PutAsync(pages, 2 * PageSize);
        await File.WriteAllTextAsync(folder["kind_key-0"], "{");
        seen.Clear();
        var again = await OpenedAsync();
        Assert.Equal(PageSize, seen.Count);
        again.Put("0");
        await again.WriteAsync();
        await again.Writing;
        seen.Clear();
        await OpenedAsync();
        Assert.Equal(PageSize + 1, seen.Count);
    }

    private static Task PutAsync(RecordPages<string> pages, int count)
    {
        for (var i = 0; i < count; i++)
            pages.Put(i.ToString(CultureInfo.InvariantCulture));
        return pages.WriteAsync();
    }

    private async Task<RecordPages<string>> OpenedAsync()
    {
        var pages = new RecordPages<string>(new GrainRecords(storage), "kind", "key", entry => entry, (_, after) =>
        {
            if (after is not null)
                seen.Add(after);
        });
        await pages.OpenAsync();
        return pages;
    }
}
