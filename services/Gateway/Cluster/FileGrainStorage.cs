using System.Security.Cryptography;
using Fewshot.Artifacts;
using Fewshot.Gateway.Tenants;
using Orleans.Runtime;
using Orleans.Storage;

namespace Fewshot.Gateway.Cluster;

/// <summary>
/// Records as files of one folder, for a gateway without Redis: <c>KIND_KEY</c> holds the record's JSON, and its tag is the hash of that.
/// One process at a time has the folder. Its records outlive the process; of those of jobs the newest may be lost when the machine stops,
/// since what counts of a job is in the archive too.
/// </summary>
public sealed class FileGrainStorage : IGrainStorage, IDisposable
{
    // One for all records would let them wait for each other's disk.
    private readonly SemaphoreSlim[] gates = [.. Enumerable.Range(0, 64).Select(_ => new SemaphoreSlim(1))];
    private readonly DurableFolder files;
    private readonly RecordSerializer serializer = new();

    /// <param name="folder">Made when missing.</param>
    public FileGrainStorage(string folder) => files = new DurableFolder(folder);

    /// <inheritdoc/>
    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var content = await ReadAsync(NameOf(stateName, grainId));
        (grainState.ETag, grainState.RecordExists) = (content is null ? null : TagOf(content), content is not null);
        grainState.State = content is null ? default! : serializer.Deserialize<T>(new BinaryData(content));
    }

    /// <inheritdoc/>
    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var content = serializer.Serialize(grainState.State).ToArray();
        await InTurnAsync(stateName, grainId, grainState, name => files.WriteAsync(name, content, DurabilityOf(stateName)));
        (grainState.ETag, grainState.RecordExists) = (TagOf(content), true);
    }

    /// <inheritdoc/>
    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        await InTurnAsync(stateName, grainId, grainState, name =>
        {
            File.Delete(files.PathOf(name));
            return Task.CompletedTask;
        });
        (grainState.ETag, grainState.RecordExists) = (null, false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        files.Dispose();
        foreach (var gate in gates)
            gate.Dispose();
    }

    /// <summary>Nothing else says what tenants have uploaded.</summary>
    private static Durability DurabilityOf(string kind) => kind == StoredGrant.Kind ? Durability.Either : Durability.None;

    private async Task InTurnAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, Func<string, Task> change)
    {
        var name = NameOf(stateName, grainId);
        var gate = gates[(uint)StringComparer.Ordinal.GetHashCode(name) % gates.Length];
        await gate.WaitAsync();
        try
        {
            var stored = await ReadAsync(name) is { } content ? TagOf(content) : null;
            if (stored != grainState.ETag)
                throw new InconsistentStateException($"The record {name} was written by another since.", stored, grainState.ETag);
            await change(name);
        }
        finally
        {
            gate.Release();
        }
    }

    private async Task<byte[]?> ReadAsync(string name)
    {
        try
        {
            // Asked first, because most are not there and an exception takes longer than all the rest.
            return File.Exists(files.PathOf(name)) ? await File.ReadAllBytesAsync(files.PathOf(name)) : null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private static string NameOf(string stateName, GrainId grainId) => $"{stateName}_{grainId.Key}";

    private static string TagOf(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content).AsSpan(0, 16));
}
