using Google.Protobuf;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Fewshot.ServiceDefaults;

/// <summary>
/// Handles calls whose request message cannot be read. gRPC reads it before the first interceptor, so the package would log the exception
/// with its stack trace and answer UNKNOWN, as if the service had failed. Such a call is answered INTERNAL with the reason, as other gRPC
/// servers do, and leaves one short log line.
/// </summary>
internal sealed partial class UnreadableMessages(RequestDelegate next, ILogger<UnreadableMessages> logger)
{
    /// <summary>The package's log category of failed calls. It is off: interceptors log what services throw, this class the rest.</summary>
    public const string LoggedElsewhere = "Grpc.AspNetCore.Server.ServerCallHandler";

    /// <summary>The status for what reading a message throws; null where the message is not at fault.</summary>
    public static Status? StatusOf(Exception e) => e switch
    {
        InvalidProtocolBufferException => new Status(StatusCode.Internal, $"The request could not be deserialized: {e.Message}"),
        // An unknown compression flag, or bytes that are not what the flag says.
        InvalidDataException => new Status(StatusCode.Internal, $"The request could not be deserialized: {e.Message}"),
        IOException when e.Message.StartsWith("Message too large", StringComparison.Ordinal) =>
            new Status(StatusCode.ResourceExhausted, "Received message exceeds the maximum configured message size."),
        _ => null,
    };

    public async Task InvokeAsync(HttpContext context)
    {
        await next(context);
        var call = context.Features.Get<IServerCallContextFeature>()?.ServerCallContext;
        if (call?.Status is not { StatusCode: StatusCode.Unknown, DebugException: { } e and not RpcException })
            return;
        if (StatusOf(e) is { } status)
        {
            LogUnreadable(call.Method, status.StatusCode, status.Detail);
            if (!context.Response.HasStarted)
                context.Response.Refuse(status.StatusCode, status.Detail);
        }
        else if (e is OperationCanceledException or IOException)
        {
            LogGone(call.Method);
        }
        else
        {
            LogFailed(e, call.Method);
        }
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{Method} received bytes that are not its request message; answered {Code}: {Detail}")]
    private partial void LogUnreadable(string method, StatusCode code, string detail);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Method}: the caller went away before its request had arrived")]
    private partial void LogGone(string method);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} failed unexpectedly")]
    private partial void LogFailed(Exception e, string method);
}
