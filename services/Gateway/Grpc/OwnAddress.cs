using System.Security.Cryptography.X509Certificates;
using Fewshot.ServiceDefaults;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace Fewshot.Gateway.Grpc;

/// <summary>How this host reaches itself, known once it listens: in one process the stages are called over gRPC like any other.</summary>
public sealed class OwnAddress(IServer server, FewshotOptions options)
{
    /// <summary>A URL of this host that works from this machine.</summary>
    public Uri Url
    {
        get
        {
            var listening = server.Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault()
                ?? throw new InvalidOperationException("The host does not listen yet.");
            var url = new UriBuilder(listening);
            url.Host = url.Host switch
            {
                "0.0.0.0" => "127.0.0.1",
                "[::]" => "[::1]",
                var host => host,
            };
            return url.Uri;
        }
    }

    /// <summary>Whether a certificate is this host's own; names do not count between a host and itself.</summary>
    public bool IsOwnCertificate(X509Certificate? certificate)
    {
        if (certificate is null || options.Certificate is null)
            return false;
        using var own = X509CertificateLoader.LoadCertificateFromFile(options.Certificate);
        return own.GetCertHashString() == certificate.GetCertHashString();
    }
}
