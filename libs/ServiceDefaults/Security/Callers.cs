using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Fewshot.ServiceDefaults;

/// <summary>Whom this host knows: tenants by token, tenants by certificate, and itself.</summary>
public sealed partial class Callers
{
    private readonly ConditionalWeakTable<X509Certificate2, Tuple<string?, string>> checkedCertificates = [];
    private readonly ClientAuthority? authority;
    private readonly FileValue<KnownTenants>? file;
    private readonly ILogger<Callers> logger;
    private readonly byte[] own;

    /// <summary>One for each host.</summary>
    /// <exception cref="HostOptionsException">The file of tokens or the authority cannot be used; the message names the field.</exception>
    public Callers(FewshotOptions options, ILogger<Callers> logger)
    {
        this.logger = logger;
        if (!string.IsNullOrEmpty(options.ClientAuthority))
            authority = new ClientAuthority(options.ClientAuthority, "Fewshot:ClientAuthority", replaced: checkedCertificates.Clear);
        OwnToken = BearerToken.New();
        own = BearerToken.HashOf(OwnToken);
        if (string.IsNullOrEmpty(options.Tokens))
            return;
        try
        {
            var path = Path.GetFullPath(options.Tokens);
            file = new FileValue<KnownTenants>(
                [path],
                contents => TenantFile.Parse(Encoding.UTF8.GetBytes(contents[0])),
                replaced: now => LogRead(now.Count),
                invalid: e => LogBroken(path, e.Message));
            LogRead(file.Value.Count);
        }
        catch (FormatException e)
        {
            throw new HostOptionsException($"Fewshot:Tokens: '{LogText.Escape(options.Tokens)}' {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new HostOptionsException(
                $"Fewshot:Tokens: '{LogText.Escape(options.Tokens)}' cannot be read: is the path right, and may this user read it?", e);
        }
    }

    /// <summary>Whether callers must say who they are.</summary>
    public bool Secured => file is not null || authority is not null;

    /// <summary>Known to this process alone, which calls its own stages with it.</summary>
    public string OwnToken { get; }

    /// <summary>The tenant that a call comes from.</summary>
    /// <exception cref="RpcException">UNAUTHENTICATED: nobody has checked who calls.</exception>
    public Tenant TenantOf(ServerCallContext call) => !Secured
        ? Tenant.Local
        : call.GetHttpContext().Features.Get<Tenant>() ?? throw new RpcException(new Status(StatusCode.Unauthenticated, "The caller is unknown."));

    /// <summary>A tenant by its name, with its limits now; without any where no file names it.</summary>
    public Tenant Named(string name) => file?.Value.Find(name) ?? new Tenant(name);

    internal bool IsOwn(string token) => CryptographicOperations.FixedTimeEquals(own, BearerToken.HashOf(token));

    internal (Tenant? Tenant, string Why) ByToken(string token) => file?.Value.Find(BearerToken.HashOf(token)) is { } tenant
        ? (tenant, "")
        : (null, "The bearer token is unknown here: it is mistyped, or was taken out of the server's file of tokens (Fewshot:Tokens).");

    internal (Tenant? Tenant, string Why) ByCertificate(X509Certificate2 certificate)
    {
        if (authority is null)
            return (null, Ask);
        // Each connection has one certificate, whose chain is checked once; replacing the authority empties the cache.
        authority.Refresh();
        var (name, why) = checkedCertificates.GetValue(certificate, one => authority.Check(one).ToTuple());
        if (name is null || certificate.NotAfter < DateTime.Now)
            return (null, $"The client certificate is refused: {(name is null ? why : "it has expired")}.");
        if (file is null)
            return (new Tenant(name), "");
        // The file also says who is known by certificate, so that a tenant can be sent away before its certificate ends.
        return file.Value.Find(name) is { } tenant
            ? (tenant, "")
            : (null, $"The client certificate is of the authority, but its tenant '{name}' is not in the server's file of tokens.");
    }

    /// <summary>What to do for who has said nothing.</summary>
    internal string Ask => (file, authority) switch
    {
        (_, null) => "A token is missing: send the metadata 'authorization: Bearer TOKEN' (fewshot: --token-file or FEWSHOT_TOKEN).",
        (null, _) => "A client certificate is missing: present one of the authority that the server trusts (fewshot: --client-certificate and --client-key).",
        _ => "A token or a client certificate is missing: send the metadata 'authorization: Bearer TOKEN' (fewshot: --token-file or FEWSHOT_TOKEN), or present a certificate (--client-certificate).",
    };

    [LoggerMessage(Level = LogLevel.Information, Message = "Read the file of tokens: {Count} tenants")]
    private partial void LogRead(int count);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The file of tokens {File} is broken; the tenants read before still count: {Reason}")]
    private partial void LogBroken(string file, string reason);
}
