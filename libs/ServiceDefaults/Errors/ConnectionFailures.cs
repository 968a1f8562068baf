using System.Net.Sockets;
using Grpc.Core;

namespace Fewshot.ServiceDefaults;

/// <summary>What a failed call says about its connection, which gRPC has no status codes for.</summary>
public static class ConnectionFailures
{
    /// <summary>Whether no connection came about, so that the other side has not seen the call.</summary>
    public static bool NeverConnected(this RpcException e) => e.Status.DebugException switch
    {
        // The channel itself connects: without an HTTP request there is no other exception around it. The second is its connect timeout.
        SocketException or TimeoutException => true,
        // HTTP connects where the handler has a connect callback of its own.
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError } => true,
        _ => e.IsUntrusted(),
    };

    /// <summary>Whether TLS found no agreement: one side does not trust the other, or one of them speaks no TLS.</summary>
    public static bool IsUntrusted(this RpcException e) =>
        e.Status.DebugException is HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError };

    /// <summary>What went wrong: a failed connection's root cause without the words of each layer around it, or what the other side said.</summary>
    public static string Reason(this RpcException e) =>
        e.Status.DebugException is { } cause and not RpcException ? cause.GetBaseException().Message : e.Status.Detail;
}
