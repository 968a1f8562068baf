using System.Diagnostics;
using Grpc.Health.V1;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Fewshot.ServiceDefaults;

/// <summary>A plaintext port for probes, which know neither TLS nor tokens. It serves the health protocol and nothing else.</summary>
internal static class HealthPort
{
    private static readonly object Mark = new();
    private static readonly PathString Path = "/" + Health.Descriptor.FullName;

    public static void Listen(KestrelServerOptions kestrel, ListenAddress address) => kestrel.Listen(address.Address, address.Port, endpoint =>
    {
        endpoint.Protocols = HttpProtocols.Http2;
        endpoint.Use(next => connection =>
        {
            connection.Items[Mark] = true;
            return next(connection);
        });
    });

    /// <summary>Refuses other calls by the connection they came on; a Host header is the caller's choice.</summary>
    public static Task Guard(HttpContext context, RequestDelegate next)
    {
        var ofHealth = context.Features.Get<IConnectionItemsFeature>()?.Items.ContainsKey(Mark) ?? false;
        // Probes come by the thousand; nobody wants to see them among the traces.
        if (ofHealth && Activity.Current is { } span)
            span.ActivityTraceFlags &= ~ActivityTraceFlags.Recorded;
        if (!ofHealth || context.Request.Path.StartsWithSegments(Path, StringComparison.Ordinal))
            return next(context);
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }
}
