using Fewshot.Artifacts;
using Orleans.Runtime;
using Orleans.Storage;

namespace Fewshot.Gateway.Cluster;

/// <summary>
/// What grains keep beyond their activations: records under a kind and a key, in Redis, in files of the state folder, or in memory. A
/// record is written only over the one that was read or written before, so that of two activations one notices the other.
/// </summary>
public sealed class GrainRecords([FromKeyedServices(GrainRecords.Storage)] IGrainStorage storage) : IDisposable
{
    /// <summary>The storage's name among the silo's services.</summary>
    public const string Storage = "records";

    /// <summary>
    /// Shared by all writes that nobody waits for: the progress of hundreds of jobs would keep the storage from what somebody waits for.
    /// </summary>
    public SemaphoreSlim Unhurried { get; } = new(2);

    /// <summary>Reads a record, which need not exist.</summary>
    /// <exception cref="DataLossException">It is damaged.</exception>
    /// <exception cref="StoreUnavailableException">The storage does not answer.</exception>
    public async Task<GrainState<T>> ReadAsync<T>(string kind, string key)
    {
        var record = new GrainState<T>();
        await AskAsync(() => storage.ReadStateAsync(kind, IdOf(kind, key), record));
        return record;
    }

    /// <summary>Reads a record, which need not exist; a damaged one is removed, so that another can be written.</summary>
    /// <exception cref="StoreUnavailableException">The storage does not answer.</exception>
    public async Task<GrainState<T>> ReadWholeAsync<T>(string kind, string key)
    {
        try
        {
            return await ReadAsync<T>(kind, key);
        }
        catch (DataLossException)
        {
            await RemoveAsync(kind, key);
            return new GrainState<T>();
        }
    }

    /// <summary>Writes a record.</summary>
    /// <exception cref="InconsistentStateException">
    /// Another was written, or this one has disappeared, since it was read or written here.
    /// </exception>
    /// <exception cref="StoreUnavailableException">The storage does not answer; the record is written or not.</exception>
    /// <exception cref="StoreFullException">The disk is full.</exception>
    public Task WriteAsync<T>(string kind, string key, GrainState<T> record) =>
        AskAsync(() => storage.WriteStateAsync(kind, IdOf(kind, key), record));

    /// <summary>Writes a record over whatever is there.</summary>
    /// <exception cref="StoreUnavailableException">The storage does not answer; the record is written or not.</exception>
    /// <exception cref="StoreFullException">The disk is full.</exception>
    public async Task OverwriteAsync<T>(string kind, string key, GrainState<T> record)
    {
        while (true)
        {
            try
            {
                await WriteAsync(kind, key, record);
                return;
            }
            catch (InconsistentStateException)
            {
                record.ETag = await TagAsync(kind, key);
            }
        }
    }

    /// <summary>Removes a record.</summary>
    /// <exception cref="StoreUnavailableException">The storage does not answer.</exception>
    public async Task RemoveAsync(string kind, string key)
    {
        var record = new GrainState<BinaryData>(BinaryData.Empty, await TagAsync(kind, key));
        if (record.ETag is not null)
            await AskAsync(() => storage.ClearStateAsync(kind, IdOf(kind, key), record));
    }

    /// <inheritdoc/>
    public void Dispose() => Unhurried.Dispose();

    /// <summary>The tag of what is there, damaged or not.</summary>
    private async Task<string?> TagAsync(string kind, string key)
    {
        var stored = new GrainState<BinaryData>();
        await AskAsync(() => storage.ReadStateAsync(kind, IdOf(kind, key), stored));
        return stored.ETag;
    }

    private static GrainId IdOf(string kind, string key) => GrainId.Create(kind, key);

    private static async Task AskAsync(Func<Task> ask)
    {
        try
        {
            await ask();
        }
        catch (Exception e) when (Damage(e) is { } damage)
        {
            throw new DataLossException(damage.Message, e);
        }
        catch (Exception e) when (
            e is not (InconsistentStateException or StoreFullException or StoreUnavailableException or OperationCanceledException))
        {
            throw new StoreUnavailableException("The records of jobs cannot be reached just now.", e) { Kind = "records" };
        }
    }

    /// <summary>Storages wrap what their serializer says.</summary>
    private static DataLossException? Damage(Exception? e) => e is null ? null : e as DataLossException ?? Damage(e.InnerException);
}
