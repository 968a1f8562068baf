using Fewshot.Artifacts;
using Orleans.Storage;

namespace Fewshot.Gateway.Cluster;

/// <summary>
/// Entries that a grain keeps in pages of records, so that a change writes one page and not all. They are read whole when the grain first
/// needs them. Only for the turns of one grain, which may be reentrant.
/// </summary>
/// <typeparam name="T">An entry, which is replaced and never changed.</typeparam>
/// <param name="records">Where the pages are.</param>
/// <param name="kind">The pages' kind.</param>
/// <param name="key">What the pages' keys begin with.</param>
/// <param name="idOf">An entry's id, which no other entry has.</param>
/// <param name="changed">
/// Hears of every entry that comes (before is null), changes, or goes (after is null), and of those that are read.
/// </param>
public sealed class RecordPages<T>(GrainRecords records, string kind, string key, Func<T, string> idOf, Action<T?, T?> changed)
    where T : class
{
    /// <summary>Entries of a page, at most.</summary>
    public const int PageSize = 256;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);
    private readonly List<Page> pages = [];
    private readonly Dictionary<string, Page> pageOf = new(StringComparer.Ordinal);
    private TaskCompletionSource? next;
    private Task? opening;

    /// <summary>Ends when no page is being written.</summary>
    public Task Writing { get; private set; } = Task.CompletedTask;

    /// <summary>Reads the pages, once.</summary>
    /// <param name="restore">Puts what the pages may have lost.</param>
    /// <exception cref="StoreUnavailableException">The storage does not answer; the next call tries again.</exception>
    public async Task OpenAsync(Func<Task>? restore = null)
    {
        while (opening is not { IsCompletedSuccessfully: true })
        {
            if (opening is null or { IsCompleted: true })
                opening = ReadAsync(restore);
            await opening;
        }
    }

    /// <summary>An entry; null where there is none.</summary>
    public T? Find(string id) => pageOf.TryGetValue(id, out var page) ? page.Entries[id] : null;

    /// <summary>Adds an entry, or puts it in the place of the one before. <see cref="WriteAsync"/> stores it.</summary>
    public void Put(T entry)
    {
        var id = idOf(entry);
        if (!pageOf.TryGetValue(id, out var page))
        {
            if (pages.Count == 0 || pages[^1].Entries.Count >= PageSize)
                pages.Add(new Page(pages.Count));
            page = pages[^1];
        }

        page.Dirty = true;
        Set(page, id, entry);
    }

    /// <summary>Removes an entry, if it is there. <see cref="WriteAsync"/> stores that.</summary>
    public void Remove(string id)
    {
        if (!pageOf.Remove(id, out var page))
            return;
        page.Dirty = true;
        page.Entries.Remove(id, out var before);
        changed(before, null);
    }

    /// <summary>
    /// Waits until everything so far is stored. Whoever comes while pages are being written waits for the next time, together.
    /// </summary>
    /// <exception cref="StoreUnavailableException">The storage does not answer; the next call stores this, too.</exception>
    /// <exception cref="StoreFullException">The disk is full; the next call stores this, too.</exception>
    public Task WriteAsync()
    {
        if (Writing.IsCompleted && !pages.Exists(page => page.Dirty))
            return Task.CompletedTask;
        next ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var mine = next.Task;
        if (Writing.IsCompleted)
            Writing = WriteDirtyAsync();
        return mine;
    }

    private async Task ReadAsync(Func<Task>? restore)
    {
        while (true)
        {
            var page = new Page(pages.Count);
            try
            {
                page.Record = await records.ReadAsync<StoredPage>(kind, NameOf(page));
                if (!page.Record.RecordExists)
                    break;
            }
            catch (DataLossException)
            {
                // What is behind it is not lost.
                await records.RemoveAsync(kind, NameOf(page));
                page.Dirty = true;
            }

            pages.Add(page);
            Load(page);
        }

        if (restore is not null)
            await restore();
        _ = WriteAsync();
    }

    private async Task WriteDirtyAsync()
    {
        while (next is { } waiting)
        {
            next = null;
            var dirty = pages.FindAll(page => page.Dirty);
            dirty.ForEach(page => page.Dirty = false);
            try
            {
                await Task.WhenAll(dirty.Select(StoreAsync));
                waiting.SetResult();
            }
            catch (Exception e)
            {
                // Who waits hears of it; the pages are written when somebody comes next.
                dirty.ForEach(page => page.Dirty = true);
                waiting.SetException(e);
                _ = waiting.Task.Exception;
                await Task.Delay(Pause);
            }
        }
    }

    private async Task StoreAsync(Page page)
    {
        while (true)
        {
            try
            {
                page.Record.State = new StoredPage([.. page.Entries.Values]);
                await records.WriteAsync(kind, NameOf(page), page.Record);
                return;
            }
            catch (InconsistentStateException)
            {
                page.Record = await records.ReadWholeAsync<StoredPage>(kind, NameOf(page));
                // Written unheard, or another activation's, whose entries are not lost by it; or the storage was emptied.
                if (page.Record.RecordExists)
                    Load(page);
                else
                    WriteOthersAgain(page);
            }
        }
    }

    private void WriteOthersAgain(Page page)
    {
        foreach (var other in pages.Where(other => other != page && other.Record.RecordExists))
            other.Dirty = true;
        next ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private void Load(Page page)
    {
        foreach (var entry in page.Record.State?.Entries ?? [])
        {
            if (!pageOf.ContainsKey(idOf(entry)))
                Set(page, idOf(entry), entry);
        }
    }

    private void Set(Page page, string id, T entry)
    {
        var before = page.Entries.GetValueOrDefault(id);
        page.Entries[id] = entry;
        pageOf[id] = page;
        changed(before, entry);
    }

    private string NameOf(Page page) => $"{key}-{page.Number}";

    /// <summary>A page as it is stored.</summary>
    public sealed record StoredPage(IReadOnlyList<T> Entries);

    private sealed class Page(int number)
    {
        public int Number => number;

        public Dictionary<string, T> Entries { get; } = new(StringComparer.Ordinal);

        public GrainState<StoredPage> Record { get; set; } = new();

        public bool Dirty { get; set; }
    }
}
