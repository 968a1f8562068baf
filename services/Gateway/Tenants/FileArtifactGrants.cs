using System.Globalization;
using System.Text;
using Fewshot.Artifacts;

namespace Fewshot.Gateway.Tenants;

/// <summary>
/// Grants as files of one folder, <c>TENANT_DIGEST</c>, that hold the bytes an upload counts. Gateways of one machine may share it; two of them may
/// let uploads through at the same moment that together exceed a limit.
/// </summary>
public sealed class FileArtifactGrants(string folder) : IArtifactGrants, IDisposable
{
    private readonly DurableFolder files = new(folder);
    private readonly SemaphoreSlim counting = new(1);

    /// <inheritdoc/>
    public Task<bool> HasAsync(string tenant, Digest digest, CancellationToken ct = default) => Task.FromResult(File.Exists(files.PathOf(NameOf(tenant, digest))));

    /// <inheritdoc/>
    public async Task AddAsync(string tenant, IReadOnlyCollection<Digest> digests, CancellationToken ct = default)
    {
        foreach (var digest in digests)
        {
            // An upload's bytes stay counted.
            if (!await HasAsync(tenant, digest, ct))
                await files.WriteFirstAsync(NameOf(tenant, digest), "0"u8.ToArray());
        }
    }

    /// <inheritdoc/>
    public async Task<bool> AddUploadAsync(string tenant, Digest digest, long sizeBytes, long? limit, CancellationToken ct = default)
    {
        await counting.WaitAsync(ct);
        try
        {
            var name = NameOf(tenant, digest);
            if (Counted(name) > 0 && sizeBytes > 0)
                return true;
            if (limit is { } most && await UploadedBytesAsync(tenant, ct) + sizeBytes > most)
                return false;
            await files.WriteAsync(name, Encoding.ASCII.GetBytes(sizeBytes.ToString(CultureInfo.InvariantCulture)));
            return true;
        }
        finally
        {
            counting.Release();
        }
    }

    /// <inheritdoc/>
    public Task<long> UploadedBytesAsync(string tenant, CancellationToken ct = default) => Task.FromResult(files.Names(tenant + "_*").Sum(Counted));

    /// <inheritdoc/>
    public Task RemoveAsync(IReadOnlySet<Digest> gone, CancellationToken ct = default)
    {
        foreach (var name in files.Names("*_*"))
        {
            if (Digest.TryParse("sha256:" + name[(name.LastIndexOf('_') + 1)..], out var digest) && gone.Contains(digest))
                File.Delete(files.PathOf(name));
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        counting.Dispose();
        files.Dispose();
    }

    /// <summary>No tenant's name has an underscore.</summary>
    private static string NameOf(string tenant, Digest digest) => $"{tenant}_{digest.Hex}";

    private long Counted(string name)
    {
        try
        {
            return long.TryParse(File.ReadAllText(files.PathOf(name)), NumberStyles.None, CultureInfo.InvariantCulture, out var bytes) ? bytes : 0;
        }
        catch (FileNotFoundException)
        {
            return 0;
        }
    }
}
