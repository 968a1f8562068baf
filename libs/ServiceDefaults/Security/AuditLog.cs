using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Fewshot.ServiceDefaults;

/// <summary>What somebody did or was refused.</summary>
/// <param name="Tenant">Who; <c>-</c> where nobody knows.</param>
/// <param name="Peer">From where: <c>ipv4:10.0.0.7:50412</c>.</param>
/// <param name="Method">What: the path of the gRPC method.</param>
/// <param name="Object">With what: a job, a request id or a digest.</param>
/// <param name="Outcome">The gRPC code, and why where it was refused.</param>
public sealed record AuditEntry(string Tenant, string Peer, string Method, string Object, string Outcome);

/// <summary>
/// Who did what, one line each: in the log, category <c>Fewshot.Audit</c>, and as JSON in the file that <see cref="FewshotOptions.AuditLog"/> names.
/// Never tokens. Hosts whose callers have no names keep none unless such a file is named.
/// </summary>
public sealed partial class AuditLog
{
    private const int RefusalsPerSecond = 20, Longest = 300, Attempts = 200;
    private readonly Lock gate = new();
    private readonly ILogger logger;
    private readonly string? path;
    private long second;
    private int refusals;

    /// <summary>One for each host.</summary>
    /// <exception cref="HostOptionsException">The file cannot be written.</exception>
    public AuditLog(FewshotOptions options, Callers callers, ILoggerFactory loggers)
    {
        logger = loggers.CreateLogger("Fewshot.Audit");
        path = string.IsNullOrEmpty(options.AuditLog) ? null : Path.GetFullPath(options.AuditLog);
        IsKept = path is not null || callers.Secured;
        if (path is not null)
            Check(path);
    }

    /// <summary>Whether entries are kept.</summary>
    public bool IsKept { get; }

    /// <summary>Checks that a file can be written.</summary>
    /// <exception cref="HostOptionsException">It cannot.</exception>
    public static void Check(string path)
    {
        try
        {
            Open(path).Dispose();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new HostOptionsException($"Fewshot:AuditLog: '{LogText.Escape(path)}' cannot be written: {e.Message}", e);
        }
    }

    /// <summary>Keeps an entry, whatever its texts hold.</summary>
    public void Write(AuditEntry entry)
    {
        if (!IsKept)
            return;
        entry = new AuditEntry(Safe(entry.Tenant), Safe(entry.Peer), Safe(entry.Method), Safe(entry.Object), Safe(entry.Outcome));
        LogEntry(logger, entry.Tenant, entry.Peer, entry.Method, entry.Object, entry.Outcome);
        if (path is null)
            return;
        var line = JsonSerializer.SerializeToUtf8Bytes(new
        {
            time = DateTimeOffset.UtcNow, tenant = entry.Tenant, peer = entry.Peer, method = entry.Method, @object = entry.Object, outcome = entry.Outcome,
        });
        try
        {
            lock (gate)
                Append(path, [.. line, (byte)'\n']);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogLost(logger, e);
        }
    }

    /// <summary>Keeps a refusal of somebody unknown; of a flood of them only the first ones of a second, so that strangers cannot fill the disk.</summary>
    public void WriteRefusal(AuditEntry entry)
    {
        var now = Environment.TickCount64 / 1000;
        int before;
        lock (gate)
        {
            before = now == second ? 0 : Math.Max(0, refusals - RefusalsPerSecond);
            (second, refusals) = now == second ? (second, refusals + 1) : (now, 1);
            if (refusals > RefusalsPerSecond)
                return;
        }

        Write(before == 0 ? entry : entry with { Outcome = $"{entry.Outcome} ({before} more refusals before this one)" });
    }

    private static string Safe(string text) => LogText.Escape(text.Length > Longest ? text[..Longest] + "..." : text);

    /// <summary>Alone for the moment of writing: services of one machine may share the file, and it may be moved away at any time.</summary>
    private static void Append(string path, ReadOnlySpan<byte> line)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                using var file = Open(path);
                file.Write(line);
                return;
            }
            catch (IOException) when (attempt < Attempts)
            {
                Thread.Sleep(1);
            }
        }
    }

    private static FileStream Open(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.Append, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        return new FileStream(path, options);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Tenant} from {Peer}: {Method} {Object}: {Outcome}")]
    private static partial void LogEntry(ILogger logger, string tenant, string peer, string method, string @object, string outcome);

    [LoggerMessage(Level = LogLevel.Error, Message = "An entry of the audit log could not be written to its file; it is in the log before this line")]
    private static partial void LogLost(ILogger logger, Exception e);
}
