using System.Runtime.CompilerServices;
using System.Text;

namespace Fewshot.Artifacts;

/// <summary>Names as small files of one folder. Any number of processes may share the folder.</summary>
public sealed class FileArtifactNames(string folder) : IArtifactNames, IDisposable
{
    /// <summary>What the system answers where another holds a file's lock.</summary>
    private const int WouldBlock = 11;

    private static readonly TimeSpan GatePause = TimeSpan.FromMilliseconds(5);
    private readonly DurableFolder files = new(folder);

    /// <inheritdoc/>
    public Task<Digest?> FindAsync(string name, CancellationToken ct = default) => ReadAsync(FileOf(name), ct);

    /// <inheritdoc/>
    public Task SetAsync(string name, Digest digest, CancellationToken ct = default) =>
        files.WriteAsync(FileOf(name), Encoding.ASCII.GetBytes(digest.ToString()));

    /// <inheritdoc/>
    public async Task<Digest> SetFirstAsync(string name, Digest digest, CancellationToken ct = default)
    {
        var file = FileOf(name);
        while (true)
        {
            if (await ReadAsync(file, ct) is { } winner)
                return winner;
            if (await files.WriteFirstAsync(file, Encoding.ASCII.GetBytes(digest.ToString())))
                return digest;
            // Another was faster, or a damaged file is in the way.
            await DeleteAsync(file, found => found is null, ct);
        }
    }

    /// <inheritdoc/>
    public Task RemoveAsync(string name, CancellationToken ct = default) => DeleteAsync(FileOf(name), _ => true, ct);

    /// <inheritdoc/>
    public Task RemoveAsync(string name, Digest digest, CancellationToken ct = default) =>
        DeleteAsync(FileOf(name), found => found == digest, ct);

    /// <inheritdoc/>
    public async IAsyncEnumerable<(string Name, Digest Digest)> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken ct = default)
    {
        foreach (var file in files.Names(FileOf(prefix) + "*"))
        {
            if (await ReadAsync(file, ct) is { } digest)
                yield return (file.Replace('.', '/'), digest);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => files.Dispose();

    /// <summary>No two names share a file: names have no dots.</summary>
    private static string FileOf(string name) => name.Replace('/', '.');

    private async Task<Digest?> ReadAsync(string file, CancellationToken ct)
    {
        var path = files.PathOf(file);
        try
        {
            // Asked first, because most are not there and an exception takes longer than all the rest.
            return File.Exists(path) && Digest.TryParse(await File.ReadAllTextAsync(path, ct), out var digest) ? digest : null;
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    /// <summary>
    /// Deletes a file if what it holds is still what was found. Whoever deletes this way holds the gate: otherwise one who has looked at
    /// a file might delete what another has put in its place meanwhile.
    /// </summary>
    private async Task DeleteAsync(string file, Func<Digest?, bool> isWanted, CancellationToken ct)
    {
        await using var gate = await EnterAsync(ct);
        // What is missing must stay untouched, too: it may be written at any moment.
        if (File.Exists(files.PathOf(file)) && isWanted(await ReadAsync(file, ct)))
            File.Delete(files.PathOf(file));
    }

    private async Task<FileStream> EnterAsync(CancellationToken ct)
    {
        while (true)
        {
            try
            {
                return new FileStream(files.PathOf(".gate"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            }
            catch (IOException e) when (e.HResult == WouldBlock)
            {
                await Task.Delay(GatePause, ct);
            }
        }
    }
}
