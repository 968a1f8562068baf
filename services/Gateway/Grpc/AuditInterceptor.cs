using Fewshot.Artifacts.V1;
using Fewshot.Compression.V1;
using Fewshot.ServiceDefaults;
using Grpc.Core;
using Grpc.Core.Interceptors;

namespace Fewshot.Gateway.Grpc;

/// <summary>Notes who starts and cancels jobs and moves artifacts, and what of anything else is refused.</summary>
public sealed class AuditInterceptor(AuditLog audit, Callers callers, ErrorTranslator errors) : Interceptor
{
    private static readonly object Key = new();

    /// <summary>Says what a call is about where its first message does not.</summary>
    public static void About(ServerCallContext call, string what) => call.UserState[Key] = what;

    /// <inheritdoc/>
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        NoteAsync(() => continuation(request, context), context, request);

    /// <inheritdoc/>
    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
        NoteAsync(() => continuation(requestStream, context), context, request: null);

    /// <inheritdoc/>
    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        NoteAsync<object?>(
            async () =>
            {
                await continuation(request, responseStream, context);
                return null;
            },
            context, request);

    private async Task<T> NoteAsync<T>(Func<Task<T>> handle, ServerCallContext context, object? request)
    {
        if (!audit.IsKept)
            return await handle();
        try
        {
            var answer = await handle();
            if (IsNoted(context.Method))
                Write(context, request, answer, "OK");
            return answer;
        }
        catch (Exception e)
        {
            var error = context.CancellationToken.IsCancellationRequested ? new RpcException(new Status(StatusCode.Cancelled, "")) : errors.Translate(e);
            if (IsNoted(context.Method) || error.StatusCode is StatusCode.NotFound or StatusCode.ResourceExhausted or StatusCode.PermissionDenied)
                Write(context, request, answer: null, $"{error.StatusCode} {error.Status.Detail}".TrimEnd());
            throw;
        }
    }

    private void Write(ServerCallContext context, object? request, object? answer, string outcome) => audit.Write(new AuditEntry(
        callers.TenantOf(context).Name, context.Peer, context.Method, ObjectOf(answer) ?? ObjectOf(request) ?? (context.UserState.TryGetValue(Key, out var about) ? (string)about : ""), outcome));

    private static bool IsNoted(string method) => method[(method.LastIndexOf('/') + 1)..] is
        nameof(CompressionService.CompressionServiceBase.StartCompression) or nameof(CompressionService.CompressionServiceBase.StartStage)
        or nameof(CompressionService.CompressionServiceBase.CancelJob) or nameof(ArtifactService.ArtifactServiceBase.UploadArtifact)
        or nameof(ArtifactService.ArtifactServiceBase.DownloadArtifact);

    private static string? ObjectOf(object? message) => message switch
    {
        StartCompressionResponse started => started.Job.Id,
        StartStageResponse started => started.Job.Id,
        UploadArtifactResponse uploaded => uploaded.Digest,
        StartCompressionRequest start => start.RequestId,
        StartStageRequest start => start.RequestId,
        CancelJobRequest cancel => cancel.JobId,
        GetJobRequest get => get.JobId,
        WatchJobRequest watch => watch.JobId,
        DownloadArtifactRequest download => download.Digest,
        _ => null,
    };
}
