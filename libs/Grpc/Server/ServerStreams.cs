using Grpc.Core;

namespace Grpc.AspNetCore.Server.Internal;

/// <summary>The requests of a streaming call.</summary>
internal sealed class RequestStream<T>(ServerCall call, Marshaller<T> marshaller) : IAsyncStreamReader<T>
    where T : class
{
    private int _reading;
    private bool _ended;

    public T Current { get; private set; } = null!;

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_ended)
            return false;
        if (Interlocked.Exchange(ref _reading, 1) != 0)
            throw new InvalidOperationException("Can't read the next message because the previous read is still in progress.");
        try
        {
            using var linked = CallToken.With(call.CancellationToken, cancellationToken, out var token);
            var (found, message) = await call.Reader.ReadAsync(marshaller.ContextualDeserializer, token);
            Current = message!;
            _ended = !found;
            return found;
        }
        catch (IOException e)
        {
            throw call.ClientGone(e);
        }
        finally
        {
            Volatile.Write(ref _reading, 0);
        }
    }
}

/// <summary>The responses of a streaming call.</summary>
internal sealed class ResponseStream<T>(ServerCall call, Marshaller<T> marshaller) : IServerStreamWriter<T>
    where T : class
{
    public WriteOptions? WriteOptions
    {
        get => call.WriteOptions;
        set => call.WriteOptions = value;
    }

    public Task WriteAsync(T message) => WriteAsync(message, CancellationToken.None);

    public async Task WriteAsync(T message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        cancellationToken.ThrowIfCancellationRequested();
        call.CancellationToken.ThrowIfCancellationRequested();
        var flush = !(WriteOptions?.Has(WriteFlags.BufferHint) ?? false);
        using var linked = CallToken.With(call.CancellationToken, cancellationToken, out var token);
        await (call.PendingWrite = call.WriteAsync(message, marshaller.ContextualSerializer, flush, token));
    }
}

internal static class CallToken
{
    /// <summary>A token that fires with either; a source to dispose only where two real tokens meet.</summary>
    public static CancellationTokenSource? With(CancellationToken call, CancellationToken own, out CancellationToken either)
    {
        if (!own.CanBeCanceled || own == call)
        {
            either = call;
            return null;
        }

        var source = CancellationTokenSource.CreateLinkedTokenSource(call, own);
        either = source.Token;
        return source;
    }
}
