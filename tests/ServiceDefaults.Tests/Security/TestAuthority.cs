using System.Net;
using System.Net.Http;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Net.Client;

namespace Fewshot.ServiceDefaults.Tests;

/// <summary>A certificate authority made on the spot, whose certificates are PEM files of a folder.</summary>
public sealed class TestAuthority : IDisposable
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1", ClientAuthentication = "1.3.6.1.5.5.7.3.2";
    private readonly ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private readonly X509Certificate2 root;
    private readonly string folder;

    public TestAuthority(string folder, string name = "authority")
    {
        this.folder = folder;
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        root = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        Root = Path.Combine(folder, name + ".pem");
        File.WriteAllText(Root, root.ExportCertificatePem());
    }

    /// <summary>PEM file of the authority.</summary>
    public string Root { get; }

    /// <summary>A server's certificate and key, for this machine's loopback.</summary>
    public (string Certificate, string Key) Server() => Issue("server", ServerAuthentication, 1, "localhost");

    /// <summary>A client's certificate and key.</summary>
    public (string Certificate, string Key) Client(string name, bool forServers = false, int days = 1, params string[] alternatives) =>
        Issue(name, forServers ? ServerAuthentication : ClientAuthentication, days, alternatives);

    /// <summary>The certificate and key of a host that is a server and a client of its peers.</summary>
    public (string Certificate, string Key) Peer(string name) => Issue(name, $"{ServerAuthentication} {ClientAuthentication}", 1, name);

    /// <summary>A channel that trusts this authority alone.</summary>
    public GrpcChannel Connect(string address, string? token = null, (string Certificate, string Key)? certificate = null)
    {
        var sockets = new SocketsHttpHandler();
        sockets.SslOptions.Trust(Root, "authority");
        if (certificate is var (file, keyFile))
            sockets.SslOptions.Present(file, keyFile, "certificate");
        HttpMessageHandler handler = token is null ? sockets : new BearerTokenHandler(() => token, sockets);
        return GrpcChannel.ForAddress(address.Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal), new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
    }

    public void Dispose()
    {
        root.Dispose();
        key.Dispose();
    }

    private (string Certificate, string Key) Issue(string name, string usage, int days, params string[] alternatives)
    {
        using var own = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", own, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. usage.Split(' ').Select(one => new Oid(one))], critical: false));
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        foreach (var alternative in alternatives)
            names.AddDnsName(alternative);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(root, DateTimeOffset.UtcNow.AddHours(-2), days > 0 ? DateTimeOffset.UtcNow.AddDays(days) : DateTimeOffset.UtcNow.AddHours(-1), RandomNumberGenerator.GetBytes(8));
        var file = Path.Combine(folder, $"{Guid.NewGuid():n}");
        File.WriteAllText(file + ".pem", certificate.ExportCertificatePem());
        File.WriteAllText(file + ".key", own.ExportPkcs8PrivateKeyPem());
        return (file + ".pem", file + ".key");
    }
}
