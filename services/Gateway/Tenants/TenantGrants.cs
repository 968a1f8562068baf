using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;

namespace Fewshot.Gateway.Tenants;

/// <summary>
/// Which artifacts a tenant may see: those that it has uploaded whole, and those that its jobs read or made. Any call may throw
/// <see cref="StoreUnavailableException"/>, and may be repeated.
/// </summary>
public sealed class TenantGrants(GrainCalls grains)
{
    private const int Batch = 2000;

    /// <summary>Whether a tenant may see an artifact; that says nothing about whether it is stored still.</summary>
    public Task<bool> HasAsync(string tenant, Digest digest, CancellationToken ct = default) =>
        grains.AskAsync<ITenantGrain, bool>(tenant, grain => grain.SeesAsync(digest.ToString()), ct);

    /// <summary>Shows a tenant what its jobs read or made.</summary>
    public async Task AddAsync(string tenant, IReadOnlyCollection<Digest> digests, CancellationToken ct = default)
    {
        foreach (var some in digests.Chunk(Batch))
            await grains.TellAsync<ITenantGrain>(tenant, grain => grain.ShowAsync(Texts(some)), ct);
    }

    /// <summary>Forgets artifacts that are stored no longer, for every tenant.</summary>
    public async Task RemoveAsync(IReadOnlySet<Digest> gone, CancellationToken ct = default)
    {
        foreach (var tenant in await grains.AskAsync<ITenantListGrain, string[]>(TenantListGrain.Key, list => list.AllAsync(), ct))
        {
            foreach (var some in gone.Chunk(Batch))
                await grains.TellAsync<ITenantGrain>(tenant, grain => grain.HideAsync(Texts(some)), ct);
        }
    }

    private static string[] Texts(Digest[] digests) => [.. digests.Select(digest => digest.ToString())];
}
