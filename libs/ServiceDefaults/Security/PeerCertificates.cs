using System.Security.Cryptography.X509Certificates;

namespace Fewshot.ServiceDefaults;

/// <summary>
/// The certificates of hosts of one kind that talk to each other: a peer's is of the authority and shares a DNS name with this host's own.
/// Files may be replaced.
/// </summary>
public sealed class PeerCertificates
{
    private readonly FileValue<X509Certificate2> own;
    private readonly FileValue<X509Certificate2Collection> roots;

    /// <summary>Reads them.</summary>
    /// <param name="certificate">PEM file of this host's certificate.</param>
    /// <param name="key">PEM file of its key; null where that is in the same one.</param>
    /// <param name="authority">PEM file of the authority.</param>
    /// <param name="option">What the authority's path came in, for messages.</param>
    /// <exception cref="HostOptionsException">A file cannot be used.</exception>
    public PeerCertificates(string certificate, string? key, string authority, string option)
    {
        roots = ClientAuthority.Roots(authority, option);
        own = PeerTrust.Own(certificate, key, "Fewshot:Certificate");
    }

    /// <summary>This host's certificate with its key.</summary>
    public X509Certificate2 Own => own.Value;

    /// <summary>Whether a certificate is that of a peer.</summary>
    public bool IsPeer(X509Certificate2 certificate)
    {
        using var chain = new X509Chain
        {
            ChainPolicy =
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true,
            },
        };
        chain.ChainPolicy.CustomTrustStore.AddRange(roots.Value);
        // Others have certificates of this authority, too: clients and workers.
        return chain.Build(certificate) && Names(certificate).Intersect(Names(Own), StringComparer.OrdinalIgnoreCase).Any();
    }

    private static IEnumerable<string> Names(X509Certificate2 certificate) =>
        certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(extension => extension.EnumerateDnsNames());
}
