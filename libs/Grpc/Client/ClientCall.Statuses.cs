using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Grpc.Core;
using Grpc.Wire;

namespace Grpc.Net.Client.Internal;

/// <content>How trailers, HTTP answers and exceptions become statuses (gRPC over HTTP/2, "HTTP2 Transport Mapping").</content>
internal abstract partial class ClientCall
{
    private static Status DeadlineStatus => new(StatusCode.DeadlineExceeded, "Deadline Exceeded");

    private static StatusCode FromHttp(HttpStatusCode code) => code switch
    {
        HttpStatusCode.BadRequest => StatusCode.Internal,
        HttpStatusCode.Unauthorized => StatusCode.Unauthenticated,
        HttpStatusCode.Forbidden => StatusCode.PermissionDenied,
        HttpStatusCode.NotFound => StatusCode.Unimplemented,
        HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout =>
            StatusCode.Unavailable,
        _ => StatusCode.Unknown,
    };

    private static StatusCode FromHttp2(long errorCode) => errorCode switch
    {
        // A connection that goes away in order ends its streams with NO_ERROR: the peer is shutting down.
        0x0 or 0x7 => StatusCode.Unavailable,
        0x8 => StatusCode.Cancelled,
        0xb => StatusCode.ResourceExhausted,
        0xc => StatusCode.PermissionDenied,
        0x5 => StatusCode.Unknown,
        _ => StatusCode.Internal,
    };

    private static string? Single(HttpHeaders headers, string name) => headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;

    private static Metadata ToMetadata(HttpHeaders headers)
    {
        var metadata = new Metadata();
        foreach (var (key, values) in headers.NonValidated)
        {
            foreach (var value in values)
                HeaderText.AddTo(metadata, key, value);
        }

        return metadata;
    }

    private static Outcome FromTrailers(HttpResponseMessage response)
    {
        HttpHeaders headers = response.TrailingHeaders.Contains(Headers.Status) ? response.TrailingHeaders : response.Headers;
        if (Single(headers, Headers.Status) is not { } text)
            return new(new Status(StatusCode.Unknown, "No grpc-status found on response."), ToMetadata(response.TrailingHeaders));
        var detail = HeaderText.DecodeMessage(Single(headers, Headers.Message) ?? "");
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var code))
            return new(new Status(StatusCode.Unknown, $"Unexpected grpc-status value '{text}'. {detail}".TrimEnd()), ToMetadata(headers));
        var known = Enum.IsDefined((StatusCode)code) ? (StatusCode)code : StatusCode.Unknown;
        return new(new Status(known, detail), ToMetadata(headers));
    }

    private static IEnumerable<Exception> Chain(Exception exception)
    {
        for (Exception? e = exception; e is not null; e = e.InnerException)
            yield return e;
    }

    private Exception ToException(Outcome outcome)
    {
        var rpc = new RpcException(outcome.Status, outcome.Trailers);
        return _channel.Options.ThrowOperationCanceledOnCancellation && outcome.Aborted
            && outcome.Status.StatusCode is StatusCode.Cancelled or StatusCode.DeadlineExceeded
            ? new OperationCanceledException(rpc.Message, rpc, Options.CancellationToken)
            : rpc;
    }

    private Status StatusOf(Exception exception)
    {
        if (Chain(exception).OfType<RpcException>().FirstOrDefault() is { } rpc)
            return rpc.Status;
        // The server's own deadline may be felt here before ours, as a reset stream.
        if (Options.Deadline is { } deadline && deadline != DateTime.MaxValue && DateTime.UtcNow >= deadline)
            return DeadlineStatus;
        if (exception is OperationCanceledException)
            return new Status(StatusCode.Cancelled, "Call canceled.", exception);
        var detail = "Error in the gRPC call. " + string.Join(" ", Chain(exception).Select(e => $"{e.GetType().Name}: {e.Message}").Distinct());
        return new Status(CodeOf(exception), detail, exception);
    }

    private static StatusCode CodeOf(Exception exception)
    {
        if (Chain(exception).OfType<HttpProtocolException>().FirstOrDefault() is { } protocol)
            return FromHttp2(protocol.ErrorCode);
        return Chain(exception).OfType<HttpRequestException>().FirstOrDefault()?.HttpRequestError switch
        {
            HttpRequestError.VersionNegotiationError or HttpRequestError.InvalidResponse or HttpRequestError.ConfigurationLimitExceeded =>
                StatusCode.Internal,
            not null => StatusCode.Unavailable,
            null => exception is IOException ? StatusCode.Unavailable : StatusCode.Internal,
        };
    }
}
