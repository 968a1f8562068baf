using System.Collections.Concurrent;
using Grpc.Core;
using Grpc.Net.Client.Internal;

namespace Grpc.Net.Client;

/// <summary>HTTP/2 connections to one address, shared by all its calls. Make one and keep it; it is thread-safe.</summary>
public sealed class GrpcChannel : ChannelBase, IDisposable
{
    private readonly CancellationTokenSource _disposal = new();
    private readonly ConcurrentDictionary<string, Uri> _uris = new();
    private readonly HttpMessageInvoker _http;
    private readonly bool _ownsHttp;

    private GrpcChannel(Uri address, GrpcChannelOptions options)
        : base(address.Authority)
    {
        Address = address;
        Options = options;
        (_http, _ownsHttp) = options switch
        {
            { HttpClient: not null, HttpHandler: not null } =>
                throw new ArgumentException("HttpClient and HttpHandler have been configured. Only one HTTP caller can be specified."),
            { HttpClient: { } client } => (client, options.DisposeHttpClient),
            { HttpHandler: { } handler } => (new HttpMessageInvoker(handler, options.DisposeHttpClient), options.DisposeHttpClient),
            _ => (new HttpMessageInvoker(DefaultHandler(address), disposeHandler: true), true),
        };
    }

    internal Uri Address { get; }

    internal GrpcChannelOptions Options { get; }

    internal CancellationToken Disposal => _disposal.Token;

    /// <summary>A channel to an address, <c>http://</c> (h2c) or <c>https://</c>.</summary>
    public static GrpcChannel ForAddress(string address) => ForAddress(address, new GrpcChannelOptions());

    /// <inheritdoc cref="ForAddress(string)"/>
    public static GrpcChannel ForAddress(string address, GrpcChannelOptions channelOptions) =>
        ForAddress(new Uri(address, UriKind.Absolute), channelOptions);

    /// <inheritdoc cref="ForAddress(string)"/>
    public static GrpcChannel ForAddress(Uri address) => ForAddress(address, new GrpcChannelOptions());

    /// <inheritdoc cref="ForAddress(string)"/>
    /// <exception cref="ArgumentException">The scheme is neither http nor https, or disagrees with the credentials.</exception>
    public static GrpcChannel ForAddress(Uri address, GrpcChannelOptions channelOptions)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(channelOptions);
        var secure = address.Scheme == Uri.UriSchemeHttps;
        if (!secure && address.Scheme != Uri.UriSchemeHttp)
            throw new ArgumentException($"Address '{address}' must start with http:// or https://.", nameof(address));
        if (channelOptions.Credentials is { } credentials && secure != credentials is SslCredentials)
            throw new ArgumentException($"Channel is configured with {(secure ? "insecure" : "secure")} credentials, but the address is '{address.Scheme}'.");
        return new GrpcChannel(address, channelOptions);
    }

    /// <inheritdoc/>
    public override CallInvoker CreateCallInvoker()
    {
        ObjectDisposedException.ThrowIf(_disposal.IsCancellationRequested, this);
        return new HttpCallInvoker(this);
    }

    /// <summary>Cancels the running calls and closes the connections.</summary>
    public void Dispose()
    {
        if (_disposal.IsCancellationRequested)
            return;
        _disposal.Cancel();
        if (_ownsHttp)
            _http.Dispose();
    }

    internal Uri UriOf(IMethod method) => _uris.GetOrAdd(method.FullName, static (path, address) => new Uri(address, path), Address);

    internal Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellation) =>
        // HttpClient would buffer the whole response unless told otherwise; a bare invoker never does.
        _http is HttpClient client
            ? client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation)
            : _http.SendAsync(request, cancellation);

    private static SocketsHttpHandler DefaultHandler(Uri address) => new()
    {
        // Without this, calls wait in line once the server's limit of concurrent streams is reached.
        EnableMultipleHttp2Connections = true,
        PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
        // The window grows by itself over slow links; starting larger saves round trips with 1 MiB chunks.
        InitialHttp2StreamWindowSize = 1024 * 1024,
        // A proxy in the environment is never meant for this machine itself.
        UseProxy = !address.IsLoopback,
        AllowAutoRedirect = false,
    };
}
