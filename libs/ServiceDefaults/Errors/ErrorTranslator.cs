using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Fewshot.Artifacts;
using Fewshot.Artifacts.Safetensors;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Fewshot.ServiceDefaults;

/// <summary>Says which status code a domain exception is.</summary>
/// <param name="Exception">The type; derived types without a rule of their own follow it.</param>
/// <param name="Code">The code.</param>
public sealed record ErrorRule(Type Exception, StatusCode Code);

/// <summary>
/// Turns exceptions into the status a caller sees. Only exceptions that a rule names keep their message, and paths are taken out of it.
/// </summary>
public sealed partial class ErrorTranslator
{
    /// <summary>Trailer with the milliseconds after which to try again.</summary>
    public const string RetryAfterTrailer = "retry-after-ms";

    // What callers sent is named to them, but not at any length: it travels in a header.
    private const int LongestMessage = 1000;

    private readonly Dictionary<Type, StatusCode> codes = new()
    {
        [typeof(InvalidFieldException)] = StatusCode.InvalidArgument,
        [typeof(PreconditionException)] = StatusCode.FailedPrecondition,
        [typeof(StepCancelledException)] = StatusCode.Cancelled,
        [typeof(WorkerFailedException)] = StatusCode.Unavailable,
        [typeof(ArtifactNotFoundException)] = StatusCode.NotFound,
        [typeof(DataLossException)] = StatusCode.DataLoss,
        [typeof(DigestMismatchException)] = StatusCode.InvalidArgument,
        [typeof(StoreFullException)] = StatusCode.ResourceExhausted,
        [typeof(SafetensorsFormatException)] = StatusCode.FailedPrecondition,
    };

    /// <summary>Starts with the exceptions every service knows and adds the services' own.</summary>
    public ErrorTranslator(IEnumerable<ErrorRule> rules)
    {
        foreach (var rule in rules)
            codes[rule.Exception] = rule.Code;
    }

    /// <summary>The status for an exception. INTERNAL, without any detail, for what nobody foresaw.</summary>
    public RpcException Translate(Exception e)
    {
        switch (e)
        {
            case RpcException rpc:
                // A worker's or a connection's words, which may name it.
                return Clean(rpc.Reason()) is var detail && detail == rpc.Status.Detail
                    ? rpc
                    : new RpcException(new Status(rpc.StatusCode, detail, rpc), rpc.Trailers);
            case RetryLaterException later:
                return new RpcException(
                    new Status(later.Stopping ? StatusCode.Unavailable : StatusCode.ResourceExhausted, Clean(later.Message)),
                    new Metadata { { RetryAfterTrailer, ((long)later.RetryAfter.TotalMilliseconds).ToString() } });
            case StoreUnavailableException store:
                return new RpcException(
                    new Status(
                        StatusCode.Unavailable,
                        $"The service's {store.Kind} cannot be reached or does not answer; its log says more. Try again."),
                    new Metadata { { RetryAfterTrailer, "1000" } });
            case OperationCanceledException:
                return new RpcException(new Status(StatusCode.Cancelled, "The call was cancelled."));
            case OutOfMemoryException:
            case ExternalException when e.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase)
                || e.Message.Contains("can't allocate memory", StringComparison.OrdinalIgnoreCase):
                return new RpcException(
                    new Status(StatusCode.ResourceExhausted, "The worker ran out of memory: use a smaller batch size."));
        }

        for (var type = e.GetType(); type is not null && type != typeof(Exception); type = type.BaseType)
        {
            if (codes.TryGetValue(type, out var code))
                return new RpcException(new Status(code, Clean(e.Message)));
        }

        return new RpcException(new Status(StatusCode.Internal, "Internal error; see the service log."));
    }

    /// <summary>
    /// Escapes control characters and replaces absolute paths and the addresses of peers, which are this machine's own business.
    /// </summary>
    public static string Clean(string message) => PeerAddress().Replace(
        AbsolutePath().Replace(LogText.Escape(message.Length > LongestMessage ? message[..LongestMessage] + "..." : message), "(file)"), "");

    // As connections that failed name their peer: "Connection refused (10.0.0.7:5210)".
    [GeneratedRegex(@" \([^()\s]+:\d{1,5}\)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex PeerAddress();

    // A slash at the start of a word followed by at least one more folder.
    [GeneratedRegex("""(?<![\w./:])/(?:[^\s/'",;:]+/)+[^\s/'",;:]*""", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex AbsolutePath();
}

/// <summary>Adds rules.</summary>
public static class ErrorRuleExtensions
{
    /// <summary>Maps a domain exception, and what derives from it, to a code. Its message must be fit for callers.</summary>
    public static IServiceCollection MapError<TException>(this IServiceCollection services, StatusCode code)
        where TException : Exception => services.AddSingleton(new ErrorRule(typeof(TException), code));
}
