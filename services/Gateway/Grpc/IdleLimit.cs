using Grpc.Core;

namespace Fewshot.Gateway.Grpc;

/// <summary>A caller sent or read nothing for too long (gRPC DEADLINE_EXCEEDED).</summary>
public sealed class IdleStreamException(TimeSpan limit) : Exception($"Nothing came or went for {limit.TotalSeconds} s: start the transfer again.");

/// <summary>A caller sent or read too slowly (gRPC DEADLINE_EXCEEDED).</summary>
public sealed class SlowStreamException(int rate)
    : Exception($"The transfer was slower than {rate} bytes a second (Gateway:MinTransferRate): start it again on a faster connection.");

/// <summary>A client's messages, each of which must come within a time: who opens streams and is silent would hold them for ever.</summary>
internal sealed class IdleLimit<T>(IAsyncStreamReader<T> messages, TimeSpan limit) : IAsyncStreamReader<T>, IDisposable
{
    private readonly CancellationTokenSource silence = new();
    private CancellationTokenSource? either;
    private CancellationToken caller;

    public T Current => messages.Current;

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        if (either is null || caller != cancellationToken)
        {
            either?.Dispose();
            (caller, either) = (cancellationToken, CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, silence.Token));
        }

        silence.CancelAfter(limit);
        try
        {
            return await messages.MoveNext(either.Token);
        }
        catch (Exception e) when (silence.IsCancellationRequested && !cancellationToken.IsCancellationRequested && e is OperationCanceledException or RpcException)
        {
            throw new IdleStreamException(limit);
        }
        finally
        {
            // What follows is this server's work, which may take its time.
            if (!silence.IsCancellationRequested)
                silence.CancelAfter(Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose()
    {
        either?.Dispose();
        silence.Dispose();
    }
}
