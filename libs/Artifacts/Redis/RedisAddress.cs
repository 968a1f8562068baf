using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using StackExchange.Redis;

namespace Fewshot.Artifacts.Redis;

/// <summary>
/// Where a Redis server is: <c>redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]</c>, or <c>rediss://</c> for TLS. With
/// <c>?sentinel=NAME</c> the hosts, of which there may be several with commas between them, are Sentinels that know the primary
/// of that name.
/// </summary>
/// <param name="Host">Name or address; of the first Sentinel where there are any.</param>
/// <param name="Port">6379 unless said otherwise; 26379 for Sentinels.</param>
/// <param name="Database">0 unless said otherwise.</param>
/// <param name="Tls">Whether the connection is encrypted.</param>
public sealed partial record RedisAddress(string Host, int Port, int Database, bool Tls)
{
    private const int DefaultPort = 6379, SentinelPort = 26_379, MostDatabases = 16_384;
    private const string SentinelQuery = "?sentinel=";

    /// <summary>Null for the server's default user.</summary>
    public string? User { get; init; }

    /// <summary>Null where the server asks for none.</summary>
    public string? Password { get; init; }

    /// <summary>PEM certificate of the authority that the server's certificate must be of; null for those that the machine trusts.</summary>
    public string? Authority { get; init; }

    /// <summary>The name that Sentinels know the primary by; null where <see cref="Host"/> is a server itself.</summary>
    public string? Sentinel { get; init; }

    /// <summary>All Sentinels, as <c>HOST:PORT</c> with commas between them; null without <see cref="Sentinel"/>.</summary>
    public string? Sentinels { get; init; }

    /// <summary>Reads an address.</summary>
    /// <exception cref="FormatException">It is none; the message says what would be one and never repeats a password.</exception>
    public static RedisAddress Parse(string text)
    {
        if (!text.Contains(SentinelQuery, StringComparison.Ordinal))
            return ParseOne(text, DefaultPort);
        var parts = SentinelAddress().Match(text);
        if (!parts.Success)
            throw new FormatException("not the address of Redis Sentinels: redis://HOST[:PORT],HOST[:PORT]/DATABASE?sentinel=NAME.");
        var sentinels = parts.Groups["hosts"].Value.Split(',')
            .Select(host => ParseOne(parts.Groups["before"].Value + host + parts.Groups["database"].Value, SentinelPort)).ToArray();
        return sentinels[0] with
        {
            Sentinel = Uri.UnescapeDataString(parts.Groups["name"].Value),
            Sentinels = string.Join(',', sentinels.Select(one => $"{one.Host}:{one.Port}")),
        };
    }

    /// <summary>Without user and password.</summary>
    public override string ToString() => Sentinel is null
        ? $"{Scheme}://{Host}:{Port}/{Database}"
        : $"{Scheme}://{Sentinels}/{Database}{SentinelQuery}{Uri.EscapeDataString(Sentinel)}";

    private string Scheme => Tls ? "rediss" : "redis";

    /// <summary>How to connect there.</summary>
    public ConfigurationOptions ToConfiguration()
    {
        var configuration = new ConfigurationOptions
        {
            ServiceName = Sentinel,
            DefaultDatabase = Database,
            User = User,
            Password = Password,
            Ssl = Tls,
            ClientName = "fewshot",
            // A server that is not up yet, or not just now, is waited for; RedisServer repeats what fails meanwhile, so nothing old is sent late.
            AbortOnConnectFail = false,
            BacklogPolicy = BacklogPolicy.FailFast,
            ConnectTimeout = 2000,
            AsyncTimeout = 5000,
            ReconnectRetryPolicy = new LinearRetry(100),
            KeepAlive = 10,
            // There is one server to choose from: a user needs rights on keys of Fewshot's alone.
            TieBreaker = "",
            ConfigurationChannel = "",
        };
        foreach (var endpoint in (Sentinels ?? $"{Host}:{Port}").Split(','))
            configuration.EndPoints.Add(endpoint);
        if (Authority is not null)
            configuration.SslClientAuthenticationOptions = host => Trust(Authority, host);
        return configuration;
    }

    private static RedisAddress ParseOne(string text, int defaultPort)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Scheme is not ("redis" or "rediss") || uri.Host.Length == 0
            || uri.Query.Length > 0 || uri.Fragment.Length > 0)
        {
            throw new FormatException("not the address of a Redis server: redis://HOST[:PORT][/DATABASE], or rediss:// for TLS, "
                + "or redis://HOST[:PORT],HOST[:PORT]/DATABASE?sentinel=NAME.");
        }

        var path = uri.AbsolutePath.Trim('/');
        var database = 0;
        if (path.Length > 0
            && (!int.TryParse(path, System.Globalization.NumberStyles.None, provider: null, out database) || database >= MostDatabases))
        {
            throw new FormatException(
                "no address of a Redis database: what follows the host must be the number of a database, such as redis://HOST:6379/0.");
        }

        var user = uri.UserInfo.Split(':', 2);
        return new RedisAddress(uri.Host, uri.IsDefaultPort ? defaultPort : uri.Port, database, uri.Scheme == "rediss")
        {
            User = user[0].Length > 0 ? Uri.UnescapeDataString(user[0]) : null,
            Password = user.Length == 2 ? Uri.UnescapeDataString(user[1]) : null,
        };
    }

    /// <summary>Reads the file for each connection, because it may have been replaced.</summary>
    private static SslClientAuthenticationOptions Trust(string authority, string host)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true,
        };
        policy.CustomTrustStore.ImportFromPemFile(authority);
        return new SslClientAuthenticationOptions { TargetHost = host, CertificateChainPolicy = policy };
    }

    [GeneratedRegex(
        @"^(?<before>rediss?://([^/?#]*@)?)(?<hosts>[^/?#@]+)(?<database>/[^?#]*)?\?sentinel=(?<name>[^&#]+)$",
        RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex SentinelAddress();
}
