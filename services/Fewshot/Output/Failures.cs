using System.Net.Sockets;
using Fewshot.Compute;
using Fewshot.Imaging;
using Fewshot.ServiceDefaults;
using Grpc.Core;

namespace Fewshot.Cli.Output;

/// <summary>Failures as one line and an exit code.</summary>
internal static class Failures
{
    private const int NoSpaceOnDevice = 28; // ENOSPC
    private const int QuotaExceeded = 122;  // EDQUOT

    public static (string Message, int ExitCode) Describe(Exception exception, bool interrupted) => exception switch
    {
        CommandException command => (command.Message, command.ExitCode),
        OperationCanceledException when interrupted => ("interrupted", ExitCodes.Interrupted),
        RpcException { StatusCode: StatusCode.Cancelled } when interrupted => ("interrupted", ExitCodes.Interrupted),
        RpcException rpc => (rpc.Reason(), OfStatus(rpc.StatusCode, rpc.Status.Detail)),
        IOException io when IsNoSpace(io) => ($"no space is left: {io.Message}", ExitCodes.NoSpace),
        FileNotFoundException missing => (missing.Message, ExitCodes.BadInput),
        DirectoryNotFoundException missing => (missing.Message, ExitCodes.BadInput),
        UnauthorizedAccessException denied => (denied.Message, ExitCodes.BadInput),
        LibtorchException libtorch => (libtorch.Message, ExitCodes.Unavailable),
        DllNotFoundException library => ($"a native library is missing: {FirstLine(library.Message)}; 'fewshot doctor' tells more", ExitCodes.Unavailable),
        ImagingLibraryException library => ($"{FirstLine(library.Message)}; 'fewshot doctor' tells more", ExitCodes.Unavailable),
        TypeInitializationException { InnerException: { } inner } => Describe(inner, interrupted),
        AggregateException { InnerExceptions: [var only] } => Describe(only, interrupted),
        SocketException socket => (socket.Message, ExitCodes.Unavailable),
        _ when IsDomain(exception) => (FirstLine(exception.Message), ExitCodes.BadInput),
        _ => ($"internal error: {exception.GetType().Name}: {FirstLine(exception.Message)}", ExitCodes.Internal),
    };

    /// <summary>The exit code of a gRPC status, of a call or of a failed job.</summary>
    public static int OfStatus(StatusCode code, string detail) => code switch
    {
        StatusCode.OK => ExitCodes.Success,
        StatusCode.InvalidArgument or StatusCode.NotFound or StatusCode.FailedPrecondition or StatusCode.AlreadyExists
            or StatusCode.OutOfRange or StatusCode.DataLoss or StatusCode.PermissionDenied or StatusCode.Unauthenticated => ExitCodes.BadInput,
        StatusCode.ResourceExhausted when detail.Contains("space", StringComparison.OrdinalIgnoreCase)
            || detail.Contains("full", StringComparison.OrdinalIgnoreCase) => ExitCodes.NoSpace,
        StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.ResourceExhausted or StatusCode.Unimplemented => ExitCodes.Unavailable,
        StatusCode.Aborted or StatusCode.Cancelled => ExitCodes.JobFailed,
        _ => ExitCodes.Internal,
    };

    public static void Report(string message, int exitCode, string[] args)
    {
        if (args.Contains("--json"))
        {
            Console.Error.WriteLine(JobJson.Line(json =>
            {
                json.WriteString("error", message);
                json.WriteNumber("exit_code", exitCode);
            }));
        }
        else
        {
            Console.Error.WriteLine($"fewshot: {message}");
        }
    }

    public static bool IsNoSpace(IOException exception) => (exception.HResult & 0xFFFF) is NoSpaceOnDevice or QuotaExceeded;

    /// <summary>The libraries' own exceptions speak to the user: their message names what is wrong with an input.</summary>
    private static bool IsDomain(Exception exception) =>
        exception.GetType().Namespace is { } space && space.StartsWith("Fewshot.", StringComparison.Ordinal);

    private static string FirstLine(string text)
    {
        var end = text.AsSpan().IndexOfAny('\r', '\n');
        return end < 0 ? text : text[..end];
    }
}
