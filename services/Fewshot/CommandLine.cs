using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using System.Runtime.InteropServices;
using Fewshot.Cli.Commands;
using Fewshot.Cli.Output;

namespace Fewshot.Cli;

/// <summary>The command tree and what surrounds a command: parse errors, signals, failures and exit codes.</summary>
internal static class CommandLine
{
    public static RootCommand Create()
    {
        var root = new RootCommand("Makes pretrained vision networks faster from a handful of unlabeled images, and proves it.")
        {
            CompressCommand.Create(), ProfileCommand.Create(), TrialCommand.Create(), FinetuneCommand.Create(),
            EvaluateCommand.Create(), TrainCommand.Create(), SynthesizeCommand.Create(), ModelsCommand.Create(), PlanCommand.Create(), ConvertCommand.Create(),
            ServeCommand.Create(), ClusterCommand.Create(), JobsCommand.Create(), WatchCommand.Create(), CancelCommand.Create(), TokenCommand.Create(),
            SamplesCommand.Create(), DoctorCommand.Create(),
        };
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExitCodes((SynchronousCommandLineAction)help.Action!);
        return root;
    }

    public static async Task<int> RunAsync(string[] args)
    {
        var parsed = Create().Parse(args);
        if (parsed.Errors.Count > 0 && parsed.Action is ParseErrorAction)
        {
            Failures.Report(WhatIsWrong(parsed), ExitCodes.Usage, args);
            return ExitCodes.Usage;
        }

        using var stop = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Stop(context, stop));
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Stop(context, stop));
        try
        {
            var configuration = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
            return await parsed.InvokeAsync(configuration, stop.Token);
        }
#pragma warning disable CA1031 // the border of the program: every failure becomes one line and an exit code
        catch (Exception exception)
#pragma warning restore CA1031
        {
            var (message, code) = Failures.Describe(exception, stop.IsCancellationRequested);
            Failures.Report(message, code, args);
            return code;
        }
    }

    private static string WhatIsWrong(ParseResult parsed)
    {
        var message = parsed.UnmatchedTokens is [var unknown, ..]
            ? $"unknown {(unknown.StartsWith('-') ? "option" : parsed.CommandResult.Command.Subcommands.Count > 0 ? "command" : "argument")} '{unknown}'"
            : parsed.CommandResult.Command.Subcommands.Count > 0
                ? "name a command: " + string.Join(", ", parsed.CommandResult.Command.Subcommands.Select(command => command.Name))
                : parsed.Errors[0].Message.TrimEnd('.');
        return $"{message} (see '{PathOf(parsed.CommandResult)} --help')";
    }

    private static string PathOf(SymbolResult? result) =>
        result is CommandResult command ? $"{PathOf(command.Parent)} {(command.Parent is null ? "fewshot" : command.Command.Name)}".TrimStart() : "";

    /// <summary>The first signal stops cleanly; a second one ends the process at once.</summary>
    private static void Stop(PosixSignalContext context, CancellationTokenSource stop)
    {
        context.Cancel = true;
        if (stop.IsCancellationRequested) Environment.Exit(ExitCodes.Interrupted);
        stop.Cancel();
    }

    private sealed class HelpWithExitCodes(SynchronousCommandLineAction help) : SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            var code = help.Invoke(parseResult);
            if (parseResult.CommandResult.Command is RootCommand)
                parseResult.InvocationConfiguration.Output.WriteLine(ExitCodes.Help);
            return code;
        }
    }
}
