using Fewshot.Artifacts;

namespace Fewshot.Gateway.Tenants;

/// <summary>
/// Which artifacts a tenant may see: those it has uploaded whole, and those its jobs read or made. Shared by any number of gateways. Any call may
/// throw <see cref="StoreUnavailableException"/>, and may be repeated.
/// </summary>
public interface IArtifactGrants
{
    /// <summary>Whether a tenant may see an artifact; that says nothing about whether it is stored still.</summary>
    Task<bool> HasAsync(string tenant, Digest digest, CancellationToken ct = default);

    /// <summary>Shows a tenant what its jobs read or made.</summary>
    Task AddAsync(string tenant, IReadOnlyCollection<Digest> digests, CancellationToken ct = default);

    /// <summary>Shows a tenant what it has uploaded whole, and counts the bytes, each artifact's once.</summary>
    /// <returns>False, and nothing is done, where the tenant's uploads would have more than <paramref name="limit"/> bytes.</returns>
    Task<bool> AddUploadAsync(string tenant, Digest digest, long sizeBytes, long? limit, CancellationToken ct = default);

    /// <summary>Bytes of a tenant's uploads.</summary>
    Task<long> UploadedBytesAsync(string tenant, CancellationToken ct = default);

    /// <summary>Forgets artifacts that are stored no longer, for every tenant.</summary>
    Task RemoveAsync(IReadOnlySet<Digest> gone, CancellationToken ct = default);
}
