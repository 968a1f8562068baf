using System.Diagnostics;
using Grpc.Core;

namespace Fewshot.ServiceDefaults;

/// <summary>The span that the server began for a call, in gRPC's terms: HTTP knows neither method nor status.</summary>
internal static class ServerSpan
{
    public static Activity? Of(ServerCallContext call)
    {
        if (Activity.Current is not { Kind: ActivityKind.Server, IsAllDataRequested: true } span)
            return null;
        span.DisplayName = call.Method.TrimStart('/');
        return span.SetTag("rpc.system", "grpc").SetTag("rpc.method", call.Method);
    }

    public static void Ended(this Activity? span, StatusCode status)
    {
        span?.SetTag("rpc.grpc.status_code", (int)status);
        // What the caller did wrong is not this server's failure.
        if (status is StatusCode.Unknown or StatusCode.DeadlineExceeded or StatusCode.Unimplemented or StatusCode.Internal or StatusCode.Unavailable or StatusCode.DataLoss)
            span?.SetStatus(ActivityStatusCode.Error, status.ToString());
    }
}
