using Fewshot.Cli.Options;
using Fewshot.ServiceDefaults;
using Grpc.Net.Client;

namespace Fewshot.Cli.Grpc;

/// <summary>Connections to a gateway, with what it knows the caller by.</summary>
internal static class GatewayChannel
{
    /// <summary>Where a token comes from that no option names.</summary>
    public const string TokenVariable = "FEWSHOT_TOKEN";

    /// <exception cref="CommandException">A token would go over the network in the clear, or a file cannot be used.</exception>
    public static GrpcChannel Open(Uri gateway, GatewayAccess access)
    {
        var token = Token(access.TokenFile);
        var tls = gateway.Scheme == Uri.UriSchemeHttps;
        if (token is not null && !tls && !gateway.IsLoopback)
            throw CommandException.Usage($"--gateway: a token must not go to {gateway.Authority} in the clear; use https://");
        if (!tls && access is not { Authority: null, Certificate: null })
            throw CommandException.Usage($"{(access.Authority is null ? "--client-certificate" : "--authority")} needs an https:// address as --gateway");
        var handler = new SocketsHttpHandler
        {
            EnableMultipleHttp2Connections = true,
            PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
            InitialHttp2StreamWindowSize = 1 << 20,
            UseProxy = !gateway.IsLoopback,
            AllowAutoRedirect = false,
        };
        if (access.Authority is { } authority)
            handler.SslOptions.Trust(authority, "--authority");
        if (access.Certificate is { } certificate)
            handler.SslOptions.Present(certificate, access.Key, "--client-certificate");
        return GrpcChannel.ForAddress(gateway, new GrpcChannelOptions
        {
            HttpHandler = token is null ? handler : new BearerTokenHandler(() => token, handler),
            DisposeHttpClient = true,
            // A gateway that went away is looked for each second (GatewayRetry); the channel's own pauses grow to two minutes.
            InitialReconnectBackoff = GatewayRetry.Pause / 2,
            MaxReconnectBackoff = GatewayRetry.Pause / 2,
        });
    }

    private static string? Token(string? file)
    {
        if (file is not null)
            return new TokenInFile(file, "--token-file").Read();
        var text = Environment.GetEnvironmentVariable(TokenVariable)?.Trim();
        if (string.IsNullOrEmpty(text)) return null;
        return text.All(c => c is > ' ' and <= '~') ? text : throw CommandException.BadInput($"{TokenVariable} must hold one token and nothing else");
    }
}
