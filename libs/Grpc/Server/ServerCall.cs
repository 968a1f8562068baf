using System.Globalization;
using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Grpc.Wire;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;

namespace Grpc.AspNetCore.Server.Internal;

/// <summary>One call on the server: its context for the handler, and its end, which comes once, from the handler or from the deadline.</summary>
internal sealed partial class ServerCall : ServerCallContext, IDisposable
{
    private const int Idle = 0;
    private const int Writing = 1;
    private const int Ended = 2;

    private readonly MethodSettings _settings;
    private readonly CancellationTokenSource? _cancellation;
    private readonly Timer? _deadlineTimer;
    private readonly CompressionLevel? _compression;
    private FrameWriter? _writer;
    private Metadata? _requestHeaders;
    private Metadata? _trailers;
    private AuthContext? _auth;
    private int _output;
    private TaskCompletionSource? _deadlineSent;
    private volatile bool _deadlineExceeded;
    private volatile bool _clientGone;

    public ServerCall(HttpContext http, MethodSettings settings)
    {
        Http = http;
        _settings = settings;
        _compression = settings.Gzip is not null && AcceptsGzip(http.Request) ? settings.Gzip : null;
        Reader = new FrameReader(http.Request.BodyReader, settings.ReceiveLimit, http.Request.Headers[Headers.Encoding]);
        DeadlineCore = DateTime.MaxValue;
        CancellationTokenCore = http.RequestAborted;
        if (!HeaderText.TryDecodeTimeout(http.Request.Headers[Headers.Timeout], out var timeout))
            return;
        var now = DateTime.UtcNow;
        DeadlineCore = timeout < DateTime.MaxValue - now ? now + timeout : DateTime.MaxValue;
        _cancellation = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        CancellationTokenCore = _cancellation.Token;
        _deadlineTimer = new Timer(static call => ((ServerCall)call!).OnTimer(), this, Timeout.Infinite, Timeout.Infinite);
        ArmTimer();
    }

    public HttpContext Http { get; }

    private bool IsClientGone => _clientGone || Http.RequestAborted.IsCancellationRequested;

    public FrameReader Reader { get; }

    /// <summary>The last write of the response stream.</summary>
    public Task PendingWrite { get; set; } = Task.CompletedTask;

    protected override string MethodCore => Http.Request.Path.Value!;

    protected override string HostCore => Http.Request.Host.Value ?? "";

    protected override string PeerCore => PeerOf(Http.Connection);

    protected override DateTime DeadlineCore { get; }

    protected override Metadata RequestHeadersCore => _requestHeaders ??= ReadRequestHeaders();

    protected override CancellationToken CancellationTokenCore { get; }

    protected override Metadata ResponseTrailersCore => _trailers ??= [];

    protected override AuthContext AuthContextCore => _auth ??= PeerIdentity.Of(Http.Connection.ClientCertificate);

    protected override Status StatusCore { get; set; }

    protected override WriteOptions? WriteOptionsCore { get; set; }

    /// <summary>Lifts Kestrel's limits on the body: a stream may be long and slow, and messages have their own limit.</summary>
    public void PrepareBody(bool streaming)
    {
        if (Http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            size.MaxRequestBodySize = null;
        if (streaming && Http.Features.Get<Microsoft.AspNetCore.Server.Kestrel.Core.Features.IHttpMinRequestBodyDataRateFeature>() is { } rate)
            rate.MinDataRate = null;
    }

    /// <summary>Sends a message; unless flushed, it leaves with the next flush or with the status.</summary>
    public async Task WriteAsync<T>(T message, Action<T, SerializationContext> serializer, bool flush, CancellationToken cancellation)
    {
        BeginWrite();
        try
        {
            if (!Http.Response.HasStarted)
                await StartAsync();
            var body = Http.Response.BodyWriter;
            _writer ??= new FrameWriter(_settings.SendLimit, body, _compression);
            var frame = _writer.Write(message, serializer, WriteOptionsCore);
            if (!frame.IsEmpty)
                System.Buffers.BuffersExtensions.Write(body, frame.Span);
            if (flush && (await body.FlushAsync(cancellation)) is { IsCanceled: true } or { IsCompleted: true })
                throw ClientGone(null);
        }
        finally
        {
            EndWrite();
        }
    }

    /// <summary>Ends the call by its status or by the exception of its handler.</summary>
    public async Task EndAsync(Exception? exception)
    {
        _deadlineTimer?.Dispose();
        // A handler may return without awaiting its last write.
        await PendingWrite.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (exception is not null)
            StatusCore = StatusOf(exception);
        else if (_deadlineExceeded)
            StatusCore = DeadlineStatus;
        if (Interlocked.CompareExchange(ref _output, Ended, Idle) == Idle)
            await SendStatusAsync(StatusCore, ResponseTrailersCore);
        else if (_deadlineSent is { } sent)
            await sent.Task; // or the server would end the response before the deadline's status is on it
    }

    public void Dispose()
    {
        _deadlineTimer?.Dispose();
        _cancellation?.Dispose();
        _writer?.Dispose();
    }

    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) =>
        throw new NotSupportedException("Context propagation is not supported: pass Deadline and CancellationToken to the child call.");

    protected override async Task WriteResponseHeadersAsyncCore(Metadata responseHeaders)
    {
        ArgumentNullException.ThrowIfNull(responseHeaders);
        if (Http.Response.HasStarted)
            throw new InvalidOperationException("Response headers can only be sent once per call.");
        BeginWrite();
        try
        {
            ResponseStatus.WriteHeaders(Http.Response.Headers, responseHeaders);
            await StartAsync();
            await Http.Response.BodyWriter.FlushAsync(CancellationTokenCore);
        }
        finally
        {
            EndWrite();
        }
    }

    private void BeginWrite()
    {
        switch (Interlocked.CompareExchange(ref _output, Writing, Idle))
        {
            case Writing:
                throw new InvalidOperationException("Can't write the message because the previous write is in progress.");
            case Ended:
                throw Gone("Can't write the message because the request is complete.");
        }
    }

    private void EndWrite() => Interlocked.CompareExchange(ref _output, Idle, Writing);

    private static string PeerOf(ConnectionInfo connection)
    {
        if (connection.RemoteIpAddress is not { } address)
            return "unknown";
        var end = new IPEndPoint(address, connection.RemotePort);
        return string.Create(CultureInfo.InvariantCulture, $"{(address.AddressFamily == AddressFamily.InterNetwork ? "ipv4" : "ipv6")}:{end}");
    }

    /// <summary>Kestrel ends the body of a reset stream a moment before it fires the token: remember why.</summary>
    public OperationCanceledException ClientGone(Exception? cause)
    {
        _clientGone = true;
        return new OperationCanceledException("The client is gone.", cause, CancellationTokenCore);
    }

    private OperationCanceledException Gone(string message) => new(message, CancellationTokenCore);

    private Metadata ReadRequestHeaders()
    {
        var metadata = new Metadata();
        foreach (var (key, values) in Http.Request.Headers)
        {
            foreach (var value in values)
                HeaderText.AddTo(metadata, key, value ?? "");
        }

        return metadata;
    }

    private static bool AcceptsGzip(HttpRequest request) =>
        request.Headers[Headers.AcceptEncoding].ToString().Split(',', StringSplitOptions.TrimEntries).Contains(Headers.Gzip);

    private Task StartAsync()
    {
        var response = Http.Response;
        response.ContentType = Headers.ContentType;
        if (_compression is not null)
            response.Headers[Headers.Encoding] = Headers.Gzip;
        return response.StartAsync(CancellationTokenCore);
    }

    private async Task SendStatusAsync(Status status, Metadata trailers)
    {
        if (IsClientGone)
            return;
        if (Http.Response.HasStarted)
            ResponseStatus.WriteTrailers(Http.Response, status, trailers);
        else
            ResponseStatus.WriteTrailersOnly(Http.Response, status, trailers);
        await Http.Response.CompleteAsync();
    }
}
