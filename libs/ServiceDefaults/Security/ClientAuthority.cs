using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Fewshot.ServiceDefaults;

/// <summary>The authority whose certificates say which tenant a client is: by the common name, else by an alternative DNS name.</summary>
internal sealed class ClientAuthority
{
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    private readonly FileValue<X509Certificate2Collection> roots;

    /// <summary>Reads the authority's certificates.</summary>
    /// <param name="path">PEM file, which may be replaced.</param>
    /// <param name="option">What the path came in, for messages.</param>
    /// <param name="replaced">Called when the file has been replaced.</param>
    /// <exception cref="HostOptionsException">The file holds none.</exception>
    public ClientAuthority(string path, string option, Action replaced) => roots = Roots(path, option, replaced);

    /// <summary>The certificates of an authority to trust.</summary>
    /// <exception cref="HostOptionsException">The file holds none.</exception>
    public static FileValue<X509Certificate2Collection> Roots(string path, string option, Action? replaced = null)
    {
        try
        {
            return new FileValue<X509Certificate2Collection>([path], contents => Parse(contents[0]), _ => replaced?.Invoke());
        }
        catch (FormatException e)
        {
            throw new HostOptionsException($"{option} holds no PEM certificate.", e);
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new HostOptionsException($"{option} is no readable file of PEM certificates: {e.Message}", e);
        }
    }

    /// <summary>Checks whether the file has been replaced.</summary>
    public void Refresh() => _ = roots.Value;

    /// <summary>The tenant's name in a certificate, or why it counts for nothing.</summary>
    public (string? Tenant, string Why) Check(X509Certificate2 certificate)
    {
        if (Reject(certificate) is { } why)
            return (null, why);
        var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>()
            .SelectMany(extension => extension.EnumerateDnsNames())
            .Prepend(certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false));
        return names.FirstOrDefault(Tenant.IsName) is { } name
            ? (name, "")
            : (null, "the certificate's common name and DNS names are no tenant's name");
    }

    /// <summary>Why a client certificate is not accepted, whoever it names; null where it is.</summary>
    public string? Reject(X509Certificate2 certificate)
    {
        // Without the extension a certificate would do for anything, a server's of the same authority too.
        if (!certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().Any(usage => usage.EnhancedKeyUsages.Cast<Oid>().Any(oid => oid.Value == ClientAuthentication)))
            return "the certificate is not for client authentication (extended key usage)";
        using var chain = new X509Chain
        {
            ChainPolicy =
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
                DisableCertificateDownloads = true,
                ApplicationPolicy = { new Oid(ClientAuthentication) },
            },
        };
        chain.ChainPolicy.CustomTrustStore.AddRange(roots.Value);
        if (chain.Build(certificate))
            return null;
        var reasons = string.Join(", ", chain.ChainStatus.Select(status => status.Status).Distinct());
        return $"the certificate is not one of this server's authority that is valid now ({reasons})";
    }

    private static X509Certificate2Collection Parse(string pem)
    {
        var read = new X509Certificate2Collection();
        read.ImportFromPem(pem);
        return read.Count > 0 ? read : throw new FormatException("no certificate");
    }
}
