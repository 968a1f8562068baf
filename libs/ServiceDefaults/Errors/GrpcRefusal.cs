using System.Globalization;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace Fewshot.ServiceDefaults;

/// <summary>A gRPC answer from outside a gRPC method: status and detail in the headers, no message.</summary>
internal static class GrpcRefusal
{
    public static void Refuse(this HttpResponse response, StatusCode code, string detail)
    {
        response.StatusCode = StatusCodes.Status200OK;
        response.ContentType = "application/grpc";
        response.Headers["grpc-status"] = ((int)code).ToString(CultureInfo.InvariantCulture);
        response.Headers["grpc-message"] = Uri.EscapeDataString(detail).Replace("%20", " ", StringComparison.Ordinal);
    }
}
