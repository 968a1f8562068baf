using System.Runtime.CompilerServices;
using System.Text;

namespace Fewshot.Artifacts;

/// <summary>Names as small files of one folder.</summary>
public sealed class FileArtifactNames(string folder) : IArtifactNames, IDisposable
{
    private readonly DurableFolder files = new(folder);

    /// <inheritdoc/>
    public Task SetAsync(string name, Digest digest, CancellationToken ct = default) => files.WriteAsync(FileOf(name), Encoding.ASCII.GetBytes(digest.ToString()));

    /// <inheritdoc/>
    public Task RemoveAsync(string name, CancellationToken ct = default)
    {
        File.Delete(files.PathOf(FileOf(name)));
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<(string Name, Digest Digest)> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken ct = default)
    {
        foreach (var file in files.Names(FileOf(prefix) + "*"))
        {
            // Gone since the folder was read?
            if (File.Exists(files.PathOf(file)) && Digest.TryParse(await File.ReadAllTextAsync(files.PathOf(file), ct), out var digest))
                yield return (file.Replace('.', '/'), digest);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => files.Dispose();

    private static string FileOf(string name) => name.Replace('/', '.');
}
