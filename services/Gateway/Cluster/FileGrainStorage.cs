using System.Security.Cryptography;
using Fewshot.Artifacts;
using Orleans.Runtime;
using Orleans.Storage;

namespace Fewshot.Gateway.Cluster;

/// <summary>
/// Records as files of one folder, for a gateway without Redis: <c>KIND_KEY</c> holds the record's JSON, and its tag is the hash of that.
/// One process at a time has the folder.
/// </summary>
public sealed class FileGrainStorage : IGrainStorage, IDisposable
{
    private readonly SemaphoreSlim gate = new(1);
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
        await gate.WaitAsync();
        try
        {
            await CheckAsync(stateName, grainId, grainState);
            await files.WriteAsync(NameOf(stateName, grainId), content, Durability.Either);
        }
        finally
        {
            gate.Release();
        }

        (grainState.ETag, grainState.RecordExists) = (TagOf(content), true);
    }

    /// <inheritdoc/>
    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        await gate.WaitAsync();
        try
        {
            await CheckAsync(stateName, grainId, grainState);
            File.Delete(files.PathOf(NameOf(stateName, grainId)));
        }
        finally
        {
            gate.Release();
        }

        (grainState.ETag, grainState.RecordExists) = (null, false);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        files.Dispose();
        gate.Dispose();
    }

    private async Task CheckAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var stored = await ReadAsync(NameOf(stateName, grainId)) is { } content ? TagOf(content) : null;
        if (stored != grainState.ETag)
        {
            throw new InconsistentStateException(
                $"The record {NameOf(stateName, grainId)} was written by another since.", stored, grainState.ETag);
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
