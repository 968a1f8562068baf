using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Fewshot.ServiceDefaults;

/// <summary>
/// A port beside the main one that serves a single gRPC service, which the main port then no longer serves. A service whose callers have no
/// tokens can so be closed to everybody else, by a network policy and by client certificates. Without an address the main port serves it.
/// </summary>
public sealed partial class SidePort
{
    private readonly object mark = new();
    private readonly PathString path;
    private readonly FewshotOptions options;
    private readonly ListenAddress? address;
    private readonly ClientAuthority? authority;

    /// <summary>Checks the settings.</summary>
    /// <param name="service">Full name of the gRPC service.</param>
    /// <param name="options">The host's, whose certificate this port presents.</param>
    /// <param name="listen">The setting that holds the address, and its value.</param>
    /// <param name="clients">The setting that names the authority of client certificates, and its value. Empty: callers need none.</param>
    /// <exception cref="HostOptionsException">A setting is wrong; the message names it.</exception>
    public SidePort(string service, FewshotOptions options, (string Key, string? Value) listen, (string Key, string? Value) clients)
    {
        (path, this.options) = ("/" + service, options);
        address = ListenAddress.BesideFrom(options, listen.Key, listen.Value);
        if (string.IsNullOrEmpty(clients.Value))
            return;
        if (address is not { Tls: true })
            throw new HostOptionsException($"{clients.Key} needs an https address in {listen.Key}: client certificates come with TLS.");
        authority = new ClientAuthority(clients.Value, clients.Key, replaced: () => { });
    }

    /// <summary>Adds the port to the server.</summary>
    public void Listen(KestrelServerOptions kestrel)
    {
        if (address is null)
            return;
        var logger = kestrel.ApplicationServices.GetRequiredService<ILogger<SidePort>>();
        kestrel.Listen(address.Address, address.Port, endpoint =>
        {
            endpoint.Protocols = HttpProtocols.Http2;
            endpoint.Use(next => connection =>
            {
                connection.Items[mark] = true;
                return next(connection);
            });
            if (address.Tls)
                endpoint.UseHttps(Listener.Handshakes(options, kestrel.ApplicationServices, authority is null ? null : Check(logger)));
        });
    }

    /// <summary>Keeps the service and the port to each other. The connection decides; a Host header is the caller's choice.</summary>
    public Task GuardAsync(HttpContext context, RequestDelegate next)
    {
        var here = context.Features.Get<IConnectionItemsFeature>()?.Items.ContainsKey(mark) ?? false;
        if (address is null || here == context.Request.Path.StartsWithSegments(path, StringComparison.Ordinal))
            return next(context);
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

    private RemoteCertificateValidationCallback Check(ILogger logger) => (_, certificate, _, _) =>
    {
        var why = certificate is X509Certificate2 given ? authority!.Reject(given) : "no certificate was presented";
        if (why is not null)
            LogRefused(logger, path.Value!, why);
        return why is null;
    };

    [LoggerMessage(Level = LogLevel.Warning, Message = "Refused a connection to the port of {Service}: {Reason}")]
    private static partial void LogRefused(ILogger logger, string service, string reason);
}
