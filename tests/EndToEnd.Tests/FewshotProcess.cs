using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;

namespace Fewshot.EndToEnd;

/// <summary>What a finished run of the program left behind.</summary>
public sealed record Finished(int ExitCode, string Output, string Error)
{
    public override string ToString() => $"exit code {ExitCode}\n--- output\n{Output}\n--- error\n{Error}";
}

/// <summary>The real program as a child process.</summary>
public sealed class FewshotProcess : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);
    private readonly Process process;
    private readonly StringBuilder output = new();
    private readonly StringBuilder error = new();
    private readonly BlockingCollection<string> lines = [];
    private int openStreams = 2;

    private FewshotProcess(IEnumerable<string> arguments, string program, params IEnumerable<(string Name, string Value)> environment)
    {
        var start = new ProcessStartInfo(program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
            WorkingDirectory = Places.Root,
        };
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        if (Environment.ProcessPath is { } dotnet && Path.GetFileNameWithoutExtension(dotnet) == "dotnet")
            start.Environment["DOTNET_ROOT"] = Path.GetDirectoryName(dotnet);
        start.Environment["NO_COLOR"] = "1";
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Take(output, line.Data);
        process.ErrorDataReceived += (_, line) => Take(error, line.Data);
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public static FewshotProcess Start(params string[] arguments) => new(arguments, Places.Program);

    /// <summary>With more in its environment.</summary>
    public static FewshotProcess StartWith(IEnumerable<(string Name, string Value)> environment, params string[] arguments) => new(arguments, Places.Program, environment);

    public static Finished Run(params string[] arguments)
    {
        using var running = Start(arguments);
        return running.Wait();
    }

    public static Finished RunScript(params string[] arguments)
    {
        using var running = new FewshotProcess(arguments, Path.Combine(Places.Root, "fewshot"));
        return running.Wait();
    }

    /// <summary>Waits for a line, of output or error, that holds the text.</summary>
    public string WaitForLine(Predicate<string> wanted)
    {
        using var limit = new CancellationTokenSource(Patience);
        foreach (var line in lines.GetConsumingEnumerable(limit.Token))
        {
            if (wanted(line)) return line;
        }

        throw new InvalidOperationException($"the line never came; {Wait()}");
    }

    /// <summary>Ends the process as a power cut would.</summary>
    public void Kill()
    {
        process.Kill(entireProcessTree: true);
        process.WaitForExit();
    }

    /// <summary>What Ctrl-C sends.</summary>
    public void PressControlC()
    {
        using var kill = Process.Start("kill", ["-INT", process.Id.ToString()]);
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }

    public Finished Wait()
    {
        if (!process.WaitForExit(Patience))
        {
            Kill();
            throw new TimeoutException($"the program did not end in {Patience}: {output}{error}");
        }

        process.WaitForExit(); // until both streams are read to their ends
        lock (output) return new Finished(process.ExitCode, output.ToString(), error.ToString());
    }

    public void Dispose()
    {
        if (!process.HasExited) Kill();
        process.Dispose();
        lines.Dispose();
    }

    private void Take(StringBuilder text, string? line)
    {
        lock (output)
        {
            if (line is not null)
            {
                text.AppendLine(line);
                lines.Add(line);
            }
            else if (--openStreams == 0)
            {
                lines.CompleteAdding();
            }
        }
    }
}
