using Microsoft.Extensions.Logging;

namespace Fewshot.Gateway.Tests;

/// <summary>Errors in the log are failures of the test that caused them.</summary>
internal sealed class UnexpectedErrors : ILoggerProvider, ILogger
{
    private readonly List<string> seen = [];

    public IReadOnlyList<string> Seen
    {
        get
        {
            lock (seen)
                return [.. seen];
        }
    }

    public string? Expected { get; set; }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Error;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (!IsEnabled(logLevel) || (Expected is { } wanted && formatter(state, exception).Contains(wanted, StringComparison.Ordinal)))
            return;
        lock (seen)
            seen.Add($"{formatter(state, exception)} {exception}");
    }

    public void Dispose()
    {
    }
}
