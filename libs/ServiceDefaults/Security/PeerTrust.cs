using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Fewshot.ServiceDefaults;

/// <summary>The client's side of TLS: whom it trusts, and its own certificate.</summary>
public static class PeerTrust
{
    /// <summary>Trusts this authority alone, instead of the machine's. Names are checked all the same.</summary>
    /// <param name="tls">What is changed.</param>
    /// <param name="authority">PEM file.</param>
    /// <param name="option">What the path came in, for messages.</param>
    /// <exception cref="HostOptionsException">The file holds no certificate.</exception>
    public static void Trust(this SslClientAuthenticationOptions tls, string authority, string option)
    {
        tls.CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true,
        };
        tls.CertificateChainPolicy.CustomTrustStore.AddRange(ClientAuthority.ReadRoots(authority, option));
    }

    /// <summary>Presents this certificate to servers that ask for one.</summary>
    /// <param name="tls">What is changed.</param>
    /// <param name="certificate">PEM file.</param>
    /// <param name="key">PEM file; null where the key is in the same one.</param>
    /// <param name="option">What the paths came in, for messages.</param>
    /// <exception cref="HostOptionsException">The files hold no certificate and its key.</exception>
    public static void Present(this SslClientAuthenticationOptions tls, string certificate, string? key, string option)
    {
        try
        {
            var own = X509Certificate2.CreateFromPemFile(certificate, key);
            tls.ClientCertificates = [own];
            tls.LocalCertificateSelectionCallback = (_, _, _, _, _) => own;
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new HostOptionsException($"{option} is no readable PEM certificate and its key: {e.Message}", e);
        }
    }
}
