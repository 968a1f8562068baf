using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Grpc.AspNetCore.Server.Internal;

/// <content>The deadline, and what an exception means for the status.</content>
internal sealed partial class ServerCall
{
    private static readonly TimeSpan LongestTimer = TimeSpan.FromDays(40);

    private void ArmTimer()
    {
        var left = DeadlineCore - DateTime.UtcNow;
        var due = left <= TimeSpan.Zero ? TimeSpan.Zero : left < LongestTimer ? left : LongestTimer;
        // Rounded up: a timer that fires early would only be armed again.
        _deadlineTimer!.Change((long)Math.Ceiling(due.TotalMilliseconds), Timeout.Infinite);
    }

    private void OnTimer()
    {
        try
        {
            if (DateTime.UtcNow < DeadlineCore)
                ArmTimer();
            else
                _ = ExceedDeadlineAsync();
        }
        catch (ObjectDisposedException)
        {
            // The call ended while the timer fired.
        }
    }

    /// <summary>Tells the handler, and the client at once unless a write is under way; then the handler's end tells it.</summary>
    private async Task ExceedDeadlineAsync()
    {
        _deadlineExceeded = true;
        var sent = _deadlineSent = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        try
        {
            if (Interlocked.CompareExchange(ref _output, Ended, Idle) == Idle)
                await SendStatusAsync(DeadlineStatus, []); // The handler may be adding trailers just now.
            sent.SetResult();
            await _cancellation!.CancelAsync();
        }
        catch (Exception e) when (e is ObjectDisposedException or InvalidOperationException or OperationCanceledException or IOException)
        {
            LogDeadlineRace(_settings.Logger, e, MethodCore);
        }
        finally
        {
            sent.TrySetResult();
        }
    }

    private static Status DeadlineStatus => new(StatusCode.DeadlineExceeded, "Deadline Exceeded");

    private Status StatusOf(Exception exception)
    {
        if (_deadlineExceeded)
            return DeadlineStatus;
        if (exception is RpcException rpc)
        {
            foreach (var entry in rpc.Trailers)
                ResponseTrailersCore.Add(entry);
            return rpc.Status;
        }

        if (IsClientGone)
            return Status.DefaultCancelled;
        LogHandlerFailed(_settings.Logger, exception, MethodCore);
        var detail = "Exception was thrown by handler.";
        return new Status(StatusCode.Unknown, _settings.DetailedErrors ? $"{detail} {exception.GetType().Name}: {exception.Message}" : detail);
    }

    [LoggerMessage(6, LogLevel.Error, "Error when executing service method '{Method}'.", EventName = "ErrorExecutingServiceMethod")]
    private static partial void LogHandlerFailed(ILogger logger, Exception exception, string method);

    [LoggerMessage(7, LogLevel.Debug, "Call '{Method}' ended while its deadline was handled.", EventName = "DeadlineRace")]
    private static partial void LogDeadlineRace(ILogger logger, Exception exception, string method);
}
