using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace Grpc.AspNetCore.Server.Internal;

/// <summary>Refuses requests that cannot be gRPC, with a plain HTTP status that also carries a gRPC one.</summary>
internal static class RequestCheck
{
    /// <summary>False if the request was refused: 415 without the content type, 426 below HTTP/2.</summary>
    public static bool Accept(HttpContext context)
    {
        if (!Wire.Headers.IsGrpc(context.Request.ContentType))
            return Refuse(context, StatusCodes.Status415UnsupportedMediaType, $"Content-Type '{context.Request.ContentType}' is not supported.");
        if (HttpProtocol.IsHttp2(context.Request.Protocol) || HttpProtocol.IsHttp3(context.Request.Protocol))
            return true;
        context.Response.Headers.Upgrade = "HTTP/2";
        return Refuse(context, StatusCodes.Status426UpgradeRequired, $"Request protocol '{context.Request.Protocol}' is not supported.");
    }

    private static bool Refuse(HttpContext context, int http, string detail)
    {
        ResponseStatus.WriteTrailersOnly(context.Response, new Status(StatusCode.Internal, detail), []);
        context.Response.StatusCode = http;
        return false;
    }
}
