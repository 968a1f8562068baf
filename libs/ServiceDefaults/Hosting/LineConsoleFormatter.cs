using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Fewshot.ServiceDefaults;

/// <summary>One line a record, whatever the message holds: time, level, category, message, exception; control characters escaped.</summary>
internal sealed class LineConsoleFormatter() : ConsoleFormatter(FormatterName)
{
    public const string FormatterName = "line";

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        // The host says why it could not start in one line of its own.
        if (logEntry.EventId.Name == "HostedServiceStartupFaulted")
            return;
        textWriter.Write(DateTimeOffset.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
        textWriter.Write(logEntry.LogLevel switch
        {
            LogLevel.Trace => " trace ",
            LogLevel.Debug => " debug ",
            LogLevel.Information => " info  ",
            LogLevel.Warning => " warn  ",
            LogLevel.Error => " error ",
            _ => " fatal ",
        });
        textWriter.Write(logEntry.Category);
        textWriter.Write(": ");
        textWriter.Write(LogText.Escape(logEntry.Formatter(logEntry.State, logEntry.Exception)));
        if (logEntry.Exception is { } exception)
        {
            textWriter.Write(" | ");
            textWriter.Write(LogText.Escape(exception.ToString()));
        }

        textWriter.WriteLine();
    }
}
