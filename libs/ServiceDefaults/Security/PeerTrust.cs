using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Fewshot.ServiceDefaults;

/// <summary>The client's side of TLS: whom it trusts, and its own certificate. Replaced files apply to new connections.</summary>
public static class PeerTrust
{
    /// <summary>Trusts this authority alone, instead of the machine's. Names are checked all the same.</summary>
    /// <param name="tls">What is changed.</param>
    /// <param name="authority">PEM file, which may be replaced.</param>
    /// <param name="option">What the path came in, for messages.</param>
    /// <exception cref="HostOptionsException">The file holds no certificate.</exception>
    public static void Trust(this SslClientAuthenticationOptions tls, string authority, string option)
    {
        var roots = ClientAuthority.Roots(authority, option);
        tls.CertificateChainPolicy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true,
        };
        tls.RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
        {
            var others = errors & ~SslPolicyErrors.RemoteCertificateChainErrors;
            if (others != SslPolicyErrors.None || certificate is not X509Certificate2 peer || chain is null)
                throw new AuthenticationException($"The server's certificate was rejected: {others}.");
            // The policy above holds the authority as it was first read.
            chain.ChainPolicy.CustomTrustStore.Clear();
            chain.ChainPolicy.CustomTrustStore.AddRange(roots.Value);
            if (chain.Build(peer))
                return true;
            var reasons = string.Join(", ", chain.ChainStatus.Select(status => status.Status).Distinct());
            throw new AuthenticationException($"The server's certificate was not issued by the trusted authority ({option}): {reasons}.");
        };
    }

    /// <summary>Presents this certificate to servers that ask for one.</summary>
    /// <param name="tls">What is changed.</param>
    /// <param name="certificate">PEM file, which may be replaced.</param>
    /// <param name="key">PEM file, which may be replaced; null where the key is in the same one.</param>
    /// <param name="option">What the paths came in, for messages.</param>
    /// <exception cref="HostOptionsException">The files hold no certificate and its key.</exception>
    public static void Present(this SslClientAuthenticationOptions tls, string certificate, string? key, string option)
    {
        var own = Own(certificate, key, option);
        tls.LocalCertificateSelectionCallback = (_, _, _, _, _) => own.Value;
    }

    /// <summary>A certificate with its key.</summary>
    /// <exception cref="HostOptionsException">The files hold none.</exception>
    internal static FileValue<X509Certificate2> Own(string certificate, string? key, string option)
    {
        try
        {
            return new FileValue<X509Certificate2>(
                CertificateFiles(certificate, key), contents => X509Certificate2.CreateFromPem(contents[0], contents[^1]));
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new HostOptionsException($"{option} is no readable PEM certificate and its key: {e.Message}", e);
        }
    }

    /// <summary>The certificate first, the key last.</summary>
    internal static string[] CertificateFiles(string certificate, string? key) =>
        string.IsNullOrEmpty(key) ? [certificate] : [certificate, key];
}
