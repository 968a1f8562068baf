using Fewshot.Artifacts;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Logging;

namespace Fewshot.ServiceDefaults;

/// <summary>The one place where exceptions become statuses.</summary>
public sealed partial class ErrorMappingInterceptor(ErrorTranslator errors, ILogger<ErrorMappingInterceptor> logger) : Interceptor
{
    /// <inheritdoc/>
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        MapAsync(() => continuation(request, context), context);

    /// <inheritdoc/>
    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
        MapAsync(() => continuation(new ReadableMessages<TRequest>(requestStream), context), context);

    /// <inheritdoc/>
    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        MapAsync(() => Done(continuation(request, responseStream, context)), context);

    /// <inheritdoc/>
    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        MapAsync(() => Done(continuation(new ReadableMessages<TRequest>(requestStream), responseStream, context)), context);

    private static async Task<bool> Done(Task handled)
    {
        await handled;
        return true;
    }

    private async Task<T> MapAsync<T>(Func<Task<T>> handle, ServerCallContext context)
    {
        try
        {
            return await handle();
        }
        catch (Exception e) when (context.CancellationToken.IsCancellationRequested && e is OperationCanceledException or IOException or InvalidOperationException)
        {
            // The caller has gone; writes to it fail in several ways.
            throw new RpcException(new Status(StatusCode.Cancelled, "The call was cancelled."));
        }
        catch (Exception e)
        {
            var mapped = errors.Translate(e);
            if (mapped.StatusCode == StatusCode.Internal && e is not RpcException)
                LogUnexpected(e, context.Method);
            else if (e is StoreUnavailableException)
                LogStore(context.Method, e.Message);
            else
                LogRefused(context.Method, mapped.StatusCode, mapped.Status.Detail);
            throw mapped;
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} failed unexpectedly")]
    private partial void LogUnexpected(Exception e, string method);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Method} waits for a store: {Reason}")]
    private partial void LogStore(string method, string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Method} answered {Code}: {Detail}")]
    private partial void LogRefused(string method, StatusCode code, string detail);
}
