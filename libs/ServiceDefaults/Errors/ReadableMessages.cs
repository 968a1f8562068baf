using Grpc.Core;

namespace Fewshot.ServiceDefaults;

/// <summary>A client's messages. One that cannot be read, or a stream that breaks, is no unexpected failure of the service.</summary>
internal sealed class ReadableMessages<T>(IAsyncStreamReader<T> messages) : IAsyncStreamReader<T>
{
    public T Current => messages.Current;

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        try
        {
            return await messages.MoveNext(cancellationToken);
        }
        catch (Exception e) when (UnreadableMessages.StatusOf(e) is { } status)
        {
            throw new RpcException(status);
        }
        catch (IOException e)
        {
            // The stream or its connection ended; the call's token may not say so yet.
            throw new RpcException(new Status(StatusCode.Cancelled, "The caller's stream ended early.", e));
        }
    }
}
