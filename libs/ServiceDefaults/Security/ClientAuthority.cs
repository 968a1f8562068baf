using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Fewshot.ServiceDefaults;

/// <summary>The authority whose certificates say which tenant a client is: by the common name, else by an alternative DNS name.</summary>
internal sealed class ClientAuthority(X509Certificate2Collection roots)
{
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    /// <summary>Reads the authority's certificates.</summary>
    /// <exception cref="HostOptionsException">The file holds none.</exception>
    public static ClientAuthority Read(string path, string option) => new(ReadRoots(path, option));

    /// <summary>Reads the certificates of an authority to trust.</summary>
    /// <exception cref="HostOptionsException">The file holds none.</exception>
    public static X509Certificate2Collection ReadRoots(string path, string option)
    {
        try
        {
            var roots = new X509Certificate2Collection();
            roots.ImportFromPemFile(path);
            return roots.Count > 0 ? roots : throw new HostOptionsException($"{option} holds no PEM certificate.");
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new HostOptionsException($"{option} is no readable file of PEM certificates: {e.Message}", e);
        }
    }

    /// <summary>The tenant's name in a certificate, or why it counts for nothing.</summary>
    public (string? Tenant, string Why) Check(X509Certificate2 certificate)
    {
        // Without the extension a certificate would do for anything, a server's of the same authority too.
        if (!certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().Any(usage => usage.EnhancedKeyUsages.Cast<Oid>().Any(oid => oid.Value == ClientAuthentication)))
            return (null, "the certificate is not for client authentication (extended key usage)");
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
        chain.ChainPolicy.CustomTrustStore.AddRange(roots);
        if (!chain.Build(certificate))
            return (null, $"the certificate is not one of this server's authority that is valid now ({string.Join(", ", chain.ChainStatus.Select(status => status.Status).Distinct())})");
        var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(extension => extension.EnumerateDnsNames())
            .Prepend(certificate.GetNameInfo(X509NameType.SimpleName, forIssuer: false));
        return names.FirstOrDefault(Tenant.IsName) is { } name ? (name, "") : (null, "the certificate's common name and DNS names are no tenant's name");
    }
}
