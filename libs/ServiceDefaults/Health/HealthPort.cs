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

    /// <summary>Whether a call came on a connection to the health port.</summary>
    public static bool Took(HttpContext context) => context.Features.Get<IConnectionItemsFeature>()?.Items.ContainsKey(Mark) ?? false;

    /// <summary>Refuses other calls by the connection they came on; a Host header is the caller's choice.</summary>
    public static Task Guard(HttpContext context, RequestDelegate next)
    {
        if (!Took(context) || context.Request.Path.StartsWithSegments(Path, StringComparison.Ordinal))
            return next(context);
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }
}
