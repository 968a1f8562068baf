namespace Fewshot.Gateway.Tenants;

/// <summary>The tenants to whom an artifact was ever shown.</summary>
[Alias("fewshot.tenants")]
public interface ITenantListGrain : IGrainWithStringKey
{
    /// <summary>Adds one durably.</summary>
    [Alias("add")]
    Task AddAsync(string tenant);

    /// <summary>All of them.</summary>
    [Alias("all")]
    Task<string[]> AllAsync();
}
