using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Jobs;

/// <summary>Ids of jobs.</summary>
public static class JobIds
{
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>
    /// The id of the job that a tenant's request id names. Request ids contain no slash; the local tenant's are used as they are.
    /// </summary>
    public static string Of(string requestId, string? tenant = null) => "job-" + Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes(tenant is null || tenant == Tenant.Local.Name ? requestId : $"{tenant}/{requestId}")))[..20];

    /// <summary>Whether a text can be a job's id.</summary>
    public static bool IsId(string id) =>
        id.Length == 24 && id.StartsWith("job-", StringComparison.Ordinal) && !id.AsSpan(4).ContainsAnyExcept(HexDigits);
}
