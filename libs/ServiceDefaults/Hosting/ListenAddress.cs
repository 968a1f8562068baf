using System.Net;

namespace Fewshot.ServiceDefaults;

/// <summary>The options do not allow the host to start; the message says what to change.</summary>
public class HostOptionsException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>A checked listen address.</summary>
/// <param name="Address">An address of this machine, or any.</param>
/// <param name="Port">0 takes a free port.</param>
/// <param name="Tls">Whether the address began with <c>https</c>.</param>
public sealed record ListenAddress(IPAddress Address, int Port, bool Tls)
{
    /// <summary>Reads <see cref="FewshotOptions.Listen"/> and refuses what would serve strangers, or anybody in the clear.</summary>
    /// <exception cref="HostOptionsException">The address is malformed, beyond loopback without TLS or without knowing its callers, or lacks a certificate.</exception>
    public static ListenAddress From(FewshotOptions options)
    {
        var (uri, address) = Parse(options.Listen, "http://ADDRESS:PORT or https://ADDRESS:PORT", "http", "https");
        var tls = uri.Scheme == "https";
        if (!tls && !IPAddress.IsLoopback(address) && !options.Insecure)
        {
            throw new HostOptionsException($"Refusing to listen on {uri.Authority} without TLS: anyone who reaches it could read and change your networks. "
                + "Use https with a certificate, a loopback address such as 127.0.0.1, or set Fewshot:Insecure where the network is protected otherwise.");
        }

        if (tls && options.Certificate is null)
            throw new HostOptionsException("Listening on https needs Fewshot:Certificate (PEM), and Fewshot:CertificateKey unless the key is in the same file.");
        if (!tls && !string.IsNullOrEmpty(options.ClientAuthority))
            throw new HostOptionsException("Fewshot:ClientAuthority needs https: client certificates come with TLS.");
        if (!IPAddress.IsLoopback(address) && !options.Insecure && string.IsNullOrEmpty(options.Tokens) && string.IsNullOrEmpty(options.ClientAuthority))
        {
            throw new HostOptionsException($"Refusing to listen on {uri.Authority} for callers without a name: anyone who reaches it could read and change your networks. "
                + "Set Fewshot:Tokens to a file of tenants ('fewshot token new' makes one) or Fewshot:ClientAuthority, or Fewshot:Insecure where the network is protected otherwise.");
        }

        return new ListenAddress(address, uri.Port, tls);
    }

    /// <summary>Reads <see cref="FewshotOptions.HealthListen"/>, which may be any address: it says no more than whether the service is well.</summary>
    /// <returns>Null where health has no port of its own.</returns>
    /// <exception cref="HostOptionsException">The address is malformed.</exception>
    public static ListenAddress? HealthFrom(FewshotOptions options)
    {
        if (string.IsNullOrEmpty(options.HealthListen))
            return null;
        var (uri, address) = Parse(options.HealthListen, "Fewshot:HealthListen as http://ADDRESS:PORT, since probes speak no TLS", "http");
        return new ListenAddress(address, uri.Port, Tls: false);
    }

    /// <summary>Reads the address of a port that serves one service alone, to callers without tokens.</summary>
    /// <param name="options">The host's.</param>
    /// <param name="key">The setting, for messages.</param>
    /// <param name="text">Its value.</param>
    /// <returns>Null where there is none.</returns>
    /// <exception cref="HostOptionsException">It is malformed, lacks a certificate, or is beyond loopback in the clear.</exception>
    internal static ListenAddress? BesideFrom(FewshotOptions options, string key, string? text)
    {
        if (string.IsNullOrEmpty(text))
            return null;
        var (uri, address) = Parse(text, $"{key} as http://ADDRESS:PORT or https://ADDRESS:PORT", "http", "https");
        var tls = uri.Scheme == "https";
        if (tls && options.Certificate is null)
            throw new HostOptionsException($"{key} with https needs Fewshot:Certificate (PEM).");
        if (!tls && !IPAddress.IsLoopback(address) && !options.Insecure)
        {
            throw new HostOptionsException($"{key}: refusing to listen on {uri.Authority} without TLS. Use https with Fewshot:Certificate, "
                + "a loopback address, or set Fewshot:Insecure where the network is protected otherwise.");
        }

        return new ListenAddress(address, uri.Port, tls);
    }

    private static (Uri Uri, IPAddress Address) Parse(string text, string accepted, params string[] schemes)
    {
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || !schemes.Contains(uri.Scheme) || uri.PathAndQuery != "/")
            throw new HostOptionsException($"Cannot listen on '{LogText.Escape(text)}': give {accepted}.");
        if (uri.Host == "localhost")
            return (uri, IPAddress.Loopback);
        return IPAddress.TryParse(uri.Host.Trim('[', ']'), out var address)
            ? (uri, address)
            : throw new HostOptionsException($"Cannot listen on '{LogText.Escape(text)}': the host must be an IP address of this machine or localhost.");
    }
}
