using System.Net;

namespace Fewshot.ServiceDefaults;

/// <summary>The options do not allow the host to start; the message says what to change.</summary>
public sealed class HostOptionsException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>A checked listen address.</summary>
/// <param name="Address">An address of this machine, or any.</param>
/// <param name="Port">0 takes a free port.</param>
/// <param name="Tls">Whether the address began with <c>https</c>.</param>
public sealed record ListenAddress(IPAddress Address, int Port, bool Tls)
{
    /// <summary>Reads <see cref="FewshotOptions.Listen"/> and refuses what would serve strangers in the clear.</summary>
    /// <exception cref="HostOptionsException">The address is malformed, not loopback without TLS, or lacks a certificate.</exception>
    public static ListenAddress From(FewshotOptions options)
    {
        if (!Uri.TryCreate(options.Listen, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https") || uri.PathAndQuery != "/")
            throw new HostOptionsException($"Cannot listen on '{LogText.Escape(options.Listen)}': give http://ADDRESS:PORT or https://ADDRESS:PORT.");
        var address = uri.Host == "localhost" ? IPAddress.Loopback : Parse(uri, options.Listen);
        var tls = uri.Scheme == "https";
        if (!tls && !IPAddress.IsLoopback(address) && !options.Insecure)
        {
            throw new HostOptionsException($"Refusing to listen on {uri.Authority} without TLS: anyone who reaches it could read and change your networks. "
                + "Use https with a certificate, a loopback address such as 127.0.0.1, or set Fewshot:Insecure where the network is protected otherwise.");
        }

        if (tls && options.Certificate is null)
            throw new HostOptionsException("Listening on https needs Fewshot:Certificate (PEM), and Fewshot:CertificateKey unless the key is in the same file.");
        return new ListenAddress(address, uri.Port, tls);
    }

    private static IPAddress Parse(Uri uri, string text) => IPAddress.TryParse(uri.Host.Trim('[', ']'), out var address)
        ? address
        : throw new HostOptionsException($"Cannot listen on '{LogText.Escape(text)}': the host must be an IP address of this machine or localhost.");
}
