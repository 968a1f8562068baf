namespace Fewshot.Cli;

/// <summary>A failure the user can act on: one line, and the exit code that goes with it.</summary>
public sealed class CommandException(int exitCode, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>One of <see cref="ExitCodes"/>.</summary>
    public int ExitCode { get; } = exitCode;

    internal static CommandException BadInput(string message, Exception? inner = null) => new(ExitCodes.BadInput, message, inner);

    internal static CommandException Usage(string message) => new(ExitCodes.Usage, message);
}
