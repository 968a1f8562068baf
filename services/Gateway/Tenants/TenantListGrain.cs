using Fewshot.Gateway.Cluster;
using Orleans.Concurrency;

namespace Fewshot.Gateway.Tenants;

/// <inheritdoc cref="ITenantListGrain"/>
[Reentrant]
internal sealed class TenantListGrain : Grain, ITenantListGrain
{
    /// <summary>The key of the one that there is.</summary>
    public const string Key = "all";

    private readonly SortedSet<string> tenants = new(StringComparer.Ordinal);
    private readonly ActivationWatch watch;
    private readonly RecordPages<string> pages;

    public TenantListGrain(GrainRecords records, ActivationWatch watch)
    {
        this.watch = watch;
        pages = new RecordPages<string>(records, "tenants", Key, tenant => tenant, (_, tenant) => tenants.Add(tenant!));
    }

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        watch.Begin(this);
        return Task.CompletedTask;
    }

    public async Task AddAsync(string tenant)
    {
        await pages.OpenAsync();
        if (!tenants.Contains(tenant))
            pages.Put(tenant);
        await pages.WriteAsync();
    }

    public async Task<string[]> AllAsync()
    {
        await pages.OpenAsync();
        return [.. tenants];
    }
}
