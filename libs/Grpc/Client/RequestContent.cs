using System.IO.Compression;
using System.Net;
using Grpc.Core;
using Grpc.Wire;

namespace Grpc.Net.Client.Internal;

/// <summary>A body of one message, serialised when the transport asks for it (again, if it has to send it again).</summary>
internal sealed class MessageContent<T>(ClientCall call, Marshaller<T> marshaller, T message) : HttpContent
{
    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        using var writer = RequestFrames.For(call);
        ReadOnlyMemory<byte> frame;
        try
        {
            frame = writer.Write(message, marshaller.ContextualSerializer, call.Options.WriteOptions);
        }
        catch (Exception e)
        {
            throw call.Fail(e);
        }

        await stream.WriteAsync(frame, cancellationToken);
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}

/// <summary>A body of many messages, and the writer that its caller sees.</summary>
internal sealed class StreamContent<T>(ClientCall call, Marshaller<T> marshaller) : HttpContent, IClientStreamWriter<T>
{
    private readonly TaskCompletionSource<Stream> _stream = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _completed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly FrameWriter _frames = RequestFrames.For(call);
    private int _writing;

    public WriteOptions? WriteOptions { get; set; } = call.Options.WriteOptions;

    public Task WriteAsync(T message) => WriteAsync(message, CancellationToken.None);

    public async Task WriteAsync(T message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (_completed.Task.IsCompleted)
            throw new InvalidOperationException("Request stream has already been completed.");
        if (call.HasEnded)
            throw call.Failure() ?? ClientCall.Complete();
        if (Interlocked.Exchange(ref _writing, 1) != 0)
            throw new InvalidOperationException("Can't write the message because the previous write is in progress.");
        // Giving up a write gives up the call: half a message cannot be taken back.
        using var registration = cancellationToken.UnsafeRegister(static c => ((ClientCall)c!).Cancel("Call canceled by the client."), call);
        try
        {
            var stream = await _stream.Task.WaitAsync(call.Token);
            await stream.WriteAsync(Serialize(message), call.Token);
            if (!(WriteOptions?.Has(WriteFlags.BufferHint) ?? false))
                await stream.FlushAsync(call.Token);
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw await call.ExplainWriteAsync(e);
        }
        finally
        {
            Volatile.Write(ref _writing, 0);
        }
    }

    public Task CompleteAsync()
    {
        _completed.TrySetResult();
        if (Volatile.Read(ref _writing) == 0)
            _frames.Dispose();
        return Task.CompletedTask;
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        if (_stream.Task.IsCompleted)
            throw new IOException("The connection was lost, and a request stream cannot be sent twice.");
        // The request's headers leave with the first flush; the server must see the call before its first message.
        await stream.FlushAsync(cancellationToken);
        _stream.TrySetResult(stream);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, call.Token);
        try
        {
            await _completed.Task.WaitAsync(end.Token);
        }
        catch (OperationCanceledException) when (!call.Token.IsCancellationRequested)
        {
            // The transport wants no more of the body because the server has ended the call: its answer says why, this would hide it.
        }
    }

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }

    private ReadOnlyMemory<byte> Serialize(T message)
    {
        try
        {
            return _frames.Write(message, marshaller.ContextualSerializer, WriteOptions);
        }
        catch (Exception e)
        {
            throw call.Fail(e);
        }
    }
}

internal static class RequestFrames
{
    public static FrameWriter For(ClientCall call) => new(call.SendLimit, target: null, call.Gzip ? CompressionLevel.Fastest : null);
}

/// <summary>The responses of a streaming call.</summary>
internal sealed class ResponseReader<T>(ClientCall call, Marshaller<T> marshaller) : IAsyncStreamReader<T>
{
    private int _reading;

    public T Current { get; private set; } = default!;

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (Interlocked.Exchange(ref _reading, 1) != 0)
            throw new InvalidOperationException("Can't read the next message because the previous read is still in progress.");
        using var registration = cancellationToken.UnsafeRegister(static c => ((ClientCall)c!).Cancel("Call canceled by the client."), call);
        try
        {
            var (found, message) = await call.ReadAsync(marshaller);
            Current = message!;
            return found;
        }
        finally
        {
            Volatile.Write(ref _reading, 0);
        }
    }
}
