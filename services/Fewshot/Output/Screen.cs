using Fewshot.Cli.Options;
using Spectre.Console;

namespace Fewshot.Cli.Output;

/// <summary>Standard output for results and standard error for progress, each as its reader wants it.</summary>
internal static class Screen
{
    /// <summary>Wide enough for every table when the output is no terminal, so that nothing wraps in a log.</summary>
    private const int PlainWidth = 160;

    public static IProgressDisplay Progress(SessionSettings session)
    {
        if (session.Quiet) return new QuietProgress();
        if (session.Json) return new JsonProgress(Console.Error);
        if (Console.IsErrorRedirected || Console.IsOutputRedirected) return new PlainProgress(Console.Error);
        return new LiveProgress(AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Error) }));
    }

    public static IAnsiConsole Results()
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Out) });
        if (Console.IsOutputRedirected) console.Profile.Width = PlainWidth;
        return console;
    }

    public static Table Table(params string[] columns)
    {
        var table = new Table().Border(TableBorder.Simple);
        for (var i = 0; i < columns.Length; i++)
            table.AddColumn(new TableColumn(Markup.Escape(columns[i])) { Alignment = i == 0 ? Justify.Left : Justify.Right, NoWrap = true });
        return table;
    }

    public static void AddCells(this Table table, params string[] cells) => table.AddRow([.. cells.Select(cell => new Text(cell))]);
}
