using Grpc.Core;
using Grpc.Wire;
using Microsoft.Extensions.Logging;

namespace Grpc.Net.Client;

/// <summary>Settings of a channel.</summary>
public sealed class GrpcChannelOptions
{
    /// <summary>Must agree with the address: insecure for http, TLS for https. Null follows the address.</summary>
    public ChannelCredentials? Credentials { get; set; }

    /// <summary>Largest message in bytes that may be sent; null: no limit (the default).</summary>
    public int? MaxSendMessageSize { get; set; }

    /// <summary>Largest message in bytes that is accepted; null: no limit; 4 MiB unless set.</summary>
    public int? MaxReceiveMessageSize { get; set; } = Headers.DefaultReceiveLimit;

    /// <summary>Takes the channel's logs.</summary>
    public ILoggerFactory? LoggerFactory { get; set; }

    /// <summary>Makes the HTTP calls; excludes <see cref="HttpHandler"/>.</summary>
    public HttpClient? HttpClient { get; set; }

    /// <summary>Makes the HTTP calls; excludes <see cref="HttpClient"/>. Null: a handler of the channel's own.</summary>
    public HttpMessageHandler? HttpHandler { get; set; }

    /// <summary>Whether the given client or handler is disposed with the channel.</summary>
    public bool DisposeHttpClient { get; set; }

    /// <summary>Whether a cancelled or late call throws <see cref="OperationCanceledException"/> instead of <see cref="RpcException"/>.</summary>
    public bool ThrowOperationCanceledOnCancellation { get; set; }
}
