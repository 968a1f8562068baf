using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Fewshot.ServiceDefaults;

/// <summary>The server that listens: its limits, and TLS.</summary>
internal static class Listener
{
    /// <exception cref="HostOptionsException">A limit is none.</exception>
    public static void CheckLimits(FewshotOptions options)
    {
        foreach (var (key, limit) in ((string, int)[])[("MaxMessageBytes", options.MaxMessageBytes), ("MaxConnections", options.MaxConnections),
            ("MaxStreamsPerConnection", options.MaxStreamsPerConnection), ("MaxHeaderBytes", options.MaxHeaderBytes)])
        {
            if (limit <= 0)
                throw new HostOptionsException($"Fewshot:{key} must be above 0.");
        }
    }

    public static void Configure(KestrelServerOptions kestrel, ListenAddress listen, FewshotOptions options)
    {
        // Uploads are as large as networks are and as slow as their network; the artifact service bounds them.
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.MinResponseDataRate = null;
        kestrel.Limits.MaxConcurrentConnections = options.MaxConnections;
        kestrel.Limits.MaxRequestHeadersTotalSize = options.MaxHeaderBytes;
        kestrel.Limits.Http2.MaxRequestHeaderFieldSize = options.MaxHeaderBytes;
        kestrel.Limits.Http2.MaxStreamsPerConnection = options.MaxStreamsPerConnection;
        kestrel.Limits.Http2.InitialStreamWindowSize = 2 << 20;
        kestrel.Limits.Http2.InitialConnectionWindowSize = 4 << 20;
        kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(20);
        kestrel.Listen(listen.Address, listen.Port, endpoint =>
        {
            endpoint.Protocols = HttpProtocols.Http2;
            if (listen.Tls)
                endpoint.UseHttps(https => Configure(https, options));
        });
    }

    private static void Configure(HttpsConnectionAdapterOptions https, FewshotOptions options)
    {
        try
        {
            https.ServerCertificate = X509Certificate2.CreateFromPemFile(options.Certificate!, options.CertificateKey);
            https.ServerCertificateChain = [];
            https.ServerCertificateChain.ImportFromPemFile(options.Certificate!);
        }
        catch (Exception e) when (e is System.Security.Cryptography.CryptographicException or IOException or UnauthorizedAccessException)
        {
            throw new HostOptionsException("Fewshot:Certificate and Fewshot:CertificateKey are not a readable PEM certificate and its key: " + e.Message, e);
        }

        if (string.IsNullOrEmpty(options.ClientAuthority))
            return;
        // Checked with the call: a handshake could not say what is wrong, and probes have none.
        https.ClientCertificateMode = ClientCertificateMode.AllowCertificate;
        https.AllowAnyClientCertificate();
    }
}
