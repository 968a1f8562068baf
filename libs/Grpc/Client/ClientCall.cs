using System.IO.Pipelines;
using Grpc.Core;
using Grpc.Wire;

namespace Grpc.Net.Client.Internal;

/// <summary>One call on the client, from its request to its one final status.</summary>
internal abstract partial class ClientCall : IDisposable
{
    private readonly GrpcChannel _channel;
    private readonly IMethod _method;
    private readonly string? _host;
    private readonly CancellationTokenSource _cancellation = new();
    private readonly CancellationTokenRegistration _byCaller;
    private readonly CancellationTokenRegistration _byChannel;
    private readonly TaskCompletionSource<Metadata> _headers = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Timer? _deadlineTimer;
    private HttpResponseMessage? _response;
    private PipeReader? _pipe;
    private FrameReader? _reader;
    private Outcome? _outcome;

    protected ClientCall(GrpcChannel channel, IMethod method, string? host, CallOptions options)
    {
        ObjectDisposedException.ThrowIf(channel.Disposal.IsCancellationRequested, channel);
        _channel = channel;
        _method = method;
        _host = host;
        Options = options;
        Gzip = options.Headers?.GetValue(Headers.RequestCompression) switch
        {
            null or Headers.Identity => false,
            Headers.Gzip => true,
            var other => throw new RpcException(new Status(StatusCode.Internal, $"Could not find compression provider for '{other}'.")),
        };
        if (options.Deadline is { } deadline && deadline != DateTime.MaxValue)
        {
            if (deadline.Kind != DateTimeKind.Utc && deadline != DateTime.MinValue)
                throw new InvalidOperationException("Deadline must have a kind DateTimeKind.Utc or be equal to DateTime.MaxValue or DateTime.MinValue.");
            _deadlineTimer = new Timer(static call => ((ClientCall)call!).OnTimer(), this, Timeout.Infinite, Timeout.Infinite);
            OnTimer();
        }

        _byCaller = options.CancellationToken.UnsafeRegister(static call => ((ClientCall)call!).Cancel("Call canceled by the client."), this);
        _byChannel = channel.Disposal.UnsafeRegister(static call => ((ClientCall)call!).Cancel("The channel was disposed."), this);
        if (_outcome is not null)
            Release();
    }

    public CallOptions Options { get; }

    public bool Gzip { get; }

    public int? SendLimit => _channel.Options.MaxSendMessageSize;

    public Task<Metadata> ResponseHeaders => _headers.Task;

    /// <summary>Fires when the call ends before its time.</summary>
    public CancellationToken Token => _cancellation.Token;

    /// <summary>Completes with the response headers; fails only with the call.</summary>
    protected Task Started { get; set; } = Task.CompletedTask;

    public Status GetStatus() => (_outcome ?? throw new InvalidOperationException("Unable to get the status because the call is not complete.")).Status;

    public Metadata GetTrailers() =>
        (_outcome ?? throw new InvalidOperationException("Can't get the call trailers because the call has not completed successfully.")).Trailers;

    /// <summary>Ends the call with CANCELLED unless it has ended.</summary>
    public void Cancel(string detail) => Abort(new Status(StatusCode.Cancelled, detail));

    public void Dispose() => Cancel("gRPC call disposed.");

    /// <summary>The exception of the final status; null while the call runs or if it is OK.</summary>
    public Exception? Failure() => _outcome is { Status.StatusCode: not StatusCode.OK } outcome ? ToException(outcome) : null;

    /// <summary>What a writer is told after an OK status.</summary>
    public static InvalidOperationException Complete() => new("Can't write the message because the call is complete.");

    public bool HasEnded => _outcome is not null;

    /// <summary>Turns any exception of the transport into the call's final status; the first one stays.</summary>
    public Exception Fail(Exception exception)
    {
        Abort(StatusOf(exception), (exception as RpcException)?.Trailers);
        return Failure() ?? exception;
    }

    /// <summary>
    /// Explains a failed write. The cause is usually a status on its way: one that the call itself reads is waited for, one that the
    /// caller reads must not be anticipated.
    /// </summary>
    public async Task<Exception> ExplainWriteAsync(Exception exception)
    {
        if (_method.Type == MethodType.ClientStreaming)
            await _finished.Task;
        else
            await Started.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return Failure() ?? (HasEnded ? Complete() : new RpcException(StatusOf(exception)));
    }

    /// <summary>The next response; (false, default) after an OK status.</summary>
    /// <exception cref="RpcException">Any other status.</exception>
    public async ValueTask<(bool Found, T? Message)> ReadAsync<T>(Marshaller<T> marshaller)
    {
        await Started;
        if (_outcome is not null)
            return Failure() is { } failure ? throw failure : (false, default);
        try
        {
            var next = await _reader!.ReadAsync(marshaller.ContextualDeserializer, Token);
            if (!next.Found)
            {
                Finish(FromTrailers(_response!));
                await _pipe!.CompleteAsync();
                if (Failure() is { } failure)
                    throw failure;
            }

            return next;
        }
        catch (Exception e)
        {
            throw Give(e);
        }
    }

    protected async Task StartAsync(HttpContent content)
    {
        try
        {
            _response = await _channel.SendAsync(Request(content), Token);
            Accept(_response);
            if (HasEnded)
            {
                _response.Dispose();
                return;
            }

            _pipe = PipeReader.Create(await _response.Content.ReadAsStreamAsync(Token), ReaderOptions);
            _reader = new FrameReader(_pipe, _channel.Options.MaxReceiveMessageSize, Single(_response.Headers, Headers.Encoding));
        }
        catch (Exception e)
        {
            throw Give(e);
        }
    }

    // Zero-byte reads: a stream that waits holds no buffer.
    private static readonly StreamPipeReaderOptions ReaderOptions = new(bufferSize: 64 * 1024, minimumReadSize: 16 * 1024, useZeroByteReads: true);

    private HttpRequestMessage Request(HttpContent content)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, _channel.UriOf(_method))
        {
            Version = System.Net.HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = content,
        };
        content.Headers.TryAddWithoutValidation("content-type", Headers.ContentType);
        var headers = request.Headers;
        if (_host is not null)
            headers.Host = _host;
        headers.TryAddWithoutValidation("te", "trailers");
        headers.TryAddWithoutValidation("user-agent", "grpc-fewshot/1.0");
        headers.TryAddWithoutValidation(Headers.AcceptEncoding, Headers.Supported);
        if (Gzip)
            headers.TryAddWithoutValidation(Headers.Encoding, Headers.Gzip);
        if (Options.Deadline is { } deadline && deadline != DateTime.MaxValue)
            headers.TryAddWithoutValidation(Headers.Timeout, HeaderText.EncodeTimeout(deadline - DateTime.UtcNow));
        foreach (var entry in Options.Headers ?? Metadata.Empty)
        {
            if (entry.Key != Headers.RequestCompression)
                headers.TryAddWithoutValidation(entry.Key, HeaderText.ToWire(entry));
        }

        return request;
    }

    /// <summary>Checks that the peer speaks gRPC; a status in the headers is the whole answer.</summary>
    private void Accept(HttpResponseMessage response)
    {
        var trailersOnly = response.Headers.Contains(Headers.Status);
        if (!trailersOnly && response.StatusCode != System.Net.HttpStatusCode.OK)
            throw new RpcException(new Status(FromHttp(response.StatusCode), $"Bad gRPC response. HTTP status code: {(int)response.StatusCode}"));
        var contentType = Single(response.Content.Headers, "content-type");
        if (!trailersOnly && !Headers.IsGrpc(contentType))
            throw new RpcException(new Status(StatusCode.Unknown, $"Bad gRPC response. Invalid content-type value: {contentType ?? "(none)"}"));
        _headers.TrySetResult(ToMetadata(response.Headers));
        if (trailersOnly)
            Finish(FromTrailers(response));
    }

    private void OnTimer()
    {
        var left = Options.Deadline!.Value - DateTime.UtcNow;
        if (left <= TimeSpan.Zero)
        {
            Abort(DeadlineStatus);
            return;
        }

        try
        {
            // A timer holds 49 days at most; a farther deadline arms it again.
            _deadlineTimer!.Change((long)Math.Ceiling(Math.Min(left.TotalMilliseconds, TimeSpan.FromDays(40).TotalMilliseconds)), Timeout.Infinite);
        }
        catch (ObjectDisposedException)
        {
            // The call ended while the timer fired.
        }
    }

    private void Abort(Status status, Metadata? trailers = null)
    {
        if (!Finish(new Outcome(status, trailers ?? Metadata.Empty, Aborted: true)))
            return;
        _cancellation.Cancel();
        _response?.Dispose();
    }

    /// <summary>Ends the call and lets go of a response that may have come after it was cancelled.</summary>
    private Exception Give(Exception exception)
    {
        var failure = Fail(exception);
        _response?.Dispose();
        return failure;
    }

    private bool Finish(Outcome outcome)
    {
        if (Interlocked.CompareExchange(ref _outcome, outcome, null) is not null)
            return false;
        Release();
        if (_headers.TrySetException(ToException(outcome)))
            _ = _headers.Task.Exception; // Observed: most callers never ask for the headers.
        _finished.TrySetResult();
        // The status may come before the caller has sent everything: the rest is not wanted.
        if (_method.Type is MethodType.ClientStreaming or MethodType.DuplexStreaming)
            _cancellation.Cancel();
        return true;
    }

    private void Release()
    {
        _deadlineTimer?.Dispose();
        // Unregister, not Dispose: this may run inside the registered callback itself.
        _byCaller.Unregister();
        _byChannel.Unregister();
    }

    private sealed record Outcome(Status Status, Metadata Trailers, bool Aborted = false);
}

/// <summary>A call with the marshaller of its requests and responses.</summary>
internal sealed class ClientCall<TRequest, TResponse>(GrpcChannel channel, Method<TRequest, TResponse> method, string? host, CallOptions options)
    : ClientCall(channel, method, host, options)
{
    /// <summary>Sends the request; the caller reads the responses.</summary>
    public void StartStreaming(HttpContent content)
    {
        Started = StartAsync(content);
        // Observed here: the failure also reaches whoever reads or writes.
        _ = Started.ContinueWith(static t => _ = t.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>Sends the request and reads the one response.</summary>
    public async Task<TResponse> ReadSingleAsync(HttpContent content)
    {
        await StartAsync(content);
        var (found, message) = await ReadAsync(method.ResponseMarshaller);
        if (!found)
            throw Fail(new RpcException(new Status(StatusCode.Internal, "The call ended without a response message.")));
        if ((await ReadAsync(method.ResponseMarshaller)).Found)
            throw Fail(new RpcException(new Status(StatusCode.Internal, "The call has more than one response message.")));
        return message!;
    }
}
