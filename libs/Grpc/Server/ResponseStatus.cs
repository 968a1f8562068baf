using System.Globalization;
using Grpc.Core;
using Grpc.Wire;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Grpc.AspNetCore.Server.Internal;

/// <summary>Puts a call's status and trailers on the response.</summary>
internal static class ResponseStatus
{
    /// <summary>The whole answer is one block of headers.</summary>
    public static void WriteTrailersOnly(HttpResponse response, Status status, Metadata trailers)
    {
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = Headers.ContentType;
        Write(response.Headers, status, trailers);
    }

    /// <summary>After a response has started.</summary>
    public static void WriteTrailers(HttpResponse response, Status status, Metadata trailers)
    {
        var feature = response.HttpContext.Features.GetRequiredFeature<IHttpResponseTrailersFeature>();
        Write(feature.Trailers, status, trailers);
    }

    public static void WriteHeaders(IHeaderDictionary headers, Metadata metadata)
    {
        foreach (var entry in metadata)
            headers[entry.Key] = StringValues.Concat(headers[entry.Key], HeaderText.ToWire(entry)); // Append drops empty values.
    }

    private static void Write(IHeaderDictionary headers, Status status, Metadata trailers)
    {
        try
        {
            WriteHeaders(headers, trailers);
        }
        catch (RpcException e)
        {
            status = e.Status;
        }

        headers[Headers.Status] = ((int)status.StatusCode).ToString(CultureInfo.InvariantCulture);
        if (!string.IsNullOrEmpty(status.Detail))
            headers[Headers.Message] = HeaderText.EncodeMessage(status.Detail);
    }
}
