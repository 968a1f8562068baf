using System.Globalization;
using Fewshot.ServiceDefaults;
using Microsoft.Extensions.Logging;

namespace Fewshot.Cli.Hosting;

/// <summary>Warnings and errors of the services in this process, in a file of the state folder: the terminal belongs to the command.</summary>
internal sealed class FileLog(string path) : ILoggerProvider
{
    private const long MaxBytes = 4 << 20;
    private readonly Lock gate = new();

    public ILogger CreateLogger(string categoryName) => new Writer(this, categoryName);

    public void Dispose()
    {
    }

    private void Append(string line)
    {
        lock (gate)
        {
            try
            {
                if (File.Exists(path) && new FileInfo(path).Length > MaxBytes) File.Move(path, path + ".old", overwrite: true);
                File.AppendAllText(path, line);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                // A full disk must not fail the work that is being logged.
            }
        }
    }

    private sealed class Writer(FileLog log, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning && logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel)) return;
            var time = DateTimeOffset.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
            var detail = exception is null ? "" : " | " + exception;
            log.Append($"{time} {logLevel} {category}: {LogText.Escape(formatter(state, exception) + detail)}{Environment.NewLine}");
        }
    }
}
