using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Fewshot.ServiceDefaults;

/// <summary>The server that listens: its limits, and TLS.</summary>
internal static partial class Listener
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
                endpoint.UseHttps(Handshakes(options, kestrel.ApplicationServices, clients: null));
        });
    }

    /// <summary>Each handshake uses the certificate as its files hold it at that moment.</summary>
    /// <param name="options">The host's.</param>
    /// <param name="services">For the log.</param>
    /// <param name="clients">Decides on client certificates, missing ones too; null where calls are checked instead.</param>
    public static TlsHandshakeCallbackOptions Handshakes(
        FewshotOptions options, IServiceProvider services, RemoteCertificateValidationCallback? clients)
    {
        var askClients = clients is not null || !string.IsNullOrEmpty(options.ClientAuthority);
        try
        {
            var logger = services.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(Listener));
            var own = new FileValue<SslStreamCertificateContext>(
                PeerTrust.CertificateFiles(options.Certificate!, options.CertificateKey), Parse,
                replaced: now => LogReplaced(logger, now.TargetCertificate.NotAfter), invalid: e => LogInvalid(logger, e.Message));
            return new TlsHandshakeCallbackOptions
            {
                OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions
                {
                    ServerCertificateContext = own.Value,
                    // Tenants' certificates are checked per call: a handshake cannot say what is wrong, and probes have none.
                    ClientCertificateRequired = askClients,
#pragma warning disable CA5359 // TenantAuthentication checks the certificate.
                    RemoteCertificateValidationCallback = clients ?? ((_, _, _, _) => true),
#pragma warning restore CA5359
                }),
            };
        }
        catch (Exception e) when (e is CryptographicException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new HostOptionsException("Fewshot:Certificate and Fewshot:CertificateKey are not a readable PEM certificate and its key: " + e.Message, e);
        }
    }

    private static SslStreamCertificateContext Parse(string[] contents)
    {
        var chain = new X509Certificate2Collection();
        chain.ImportFromPem(contents[0]);
        return SslStreamCertificateContext.Create(X509Certificate2.CreateFromPem(contents[0], contents[^1]), chain, offline: true);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The certificate was replaced; the new one expires on {End}")]
    private static partial void LogReplaced(ILogger logger, DateTime end);

    [LoggerMessage(
        Level = LogLevel.Warning, Message = "The certificate files are invalid; still using the last good certificate: {Reason}")]
    private static partial void LogInvalid(ILogger logger, string reason);
}
