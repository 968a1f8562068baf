namespace Fewshot.Gateway.Tenants;

/// <summary>What is kept of a tenant: the workers that its inputs have lost, and the time that its steps have used.</summary>
/// <param name="Losses">By inputs.</param>
/// <param name="Used">Seconds by quarters of an hour.</param>
public sealed record StoredTenant(IReadOnlyDictionary<string, WorkerLosses> Losses, IReadOnlyDictionary<long, double> Used)
{
    /// <summary>Where tenants are among the records.</summary>
    public const string Kind = "tenant";
}

/// <summary>An artifact that a tenant may see.</summary>
/// <param name="Digest">The artifact.</param>
/// <param name="Bytes">What its upload counts; 0 where a job read or made it.</param>
public sealed record StoredGrant(string Digest, long Bytes)
{
    /// <summary>Where grants are among the records.</summary>
    public const string Kind = "grants";
}
