using System.Security.Cryptography;

namespace Fewshot.ServiceDefaults;

/// <summary>The tenants of a file, by name and by the hashes of their tokens.</summary>
public sealed class KnownTenants
{
    private readonly Dictionary<string, Tenant> byName = new(StringComparer.Ordinal);
    private readonly List<(byte[] Hash, Tenant Tenant)> tokens = [];

    /// <summary>How many.</summary>
    public int Count => byName.Count;

    internal bool TryAdd(Tenant tenant) => byName.TryAdd(tenant.Name, tenant);

    internal bool TryAdd(byte[] hash, Tenant tenant)
    {
        if (Find(hash) is not null)
            return false;
        tokens.Add((hash, tenant));
        return true;
    }

    /// <summary>A tenant by its name; null where there is none.</summary>
    public Tenant? Find(string name) => byName.GetValueOrDefault(name);

    /// <summary>The tenant of a token's hash; null where there is none. Compares with every hash, each to its end: the time taken says nothing about what was near.</summary>
    public Tenant? Find(byte[] hash)
    {
        Tenant? found = null;
        foreach (var (known, tenant) in tokens)
        {
            if (CryptographicOperations.FixedTimeEquals(known, hash))
                found = tenant;
        }

        return found;
    }
}
