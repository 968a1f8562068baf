using System.ComponentModel;
using System.Diagnostics;
using System.Net.Sockets;

namespace Fewshot.Cli.Hosting.Cluster;

/// <summary>One process of a cluster, with its output in a log file.</summary>
internal sealed class ClusterProcess : IDisposable
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(30), StopPatience = TimeSpan.FromSeconds(40), Poll = TimeSpan.FromMilliseconds(50);
    private readonly PlannedProcess plan;
    private readonly StreamWriter log;
    private Process process;
    private bool closed;

    /// <summary>Starts it; see <see cref="ListensAsync"/>.</summary>
    /// <exception cref="CommandException">It is not installed.</exception>
    public ClusterProcess(PlannedProcess plan, string logs)
    {
        this.plan = plan;
        Log = Path.Combine(logs, plan.Name + ".log");
        log = new StreamWriter(Log, append: true) { AutoFlush = true };
        process = Launch();
    }

    public string Name => plan.Name;

    public int Port => plan.Port;

    public string Log { get; }

    public int Id => process.Id;

    /// <summary>How often it was started again.</summary>
    public int Restarts { get; private set; }

    /// <summary>Its exit code; null while it runs.</summary>
    public int? Ended => process.HasExited ? process.ExitCode : null;

    /// <summary>Starts it again after it has ended.</summary>
    public async Task RestartAsync(CancellationToken ct)
    {
        process.Dispose();
        Restarts++;
        process = Launch();
        await ListensAsync(ct);
    }

    /// <summary>Asks it to end, as Kubernetes does, and waits; one that does not is killed.</summary>
    public async Task StopAsync()
    {
        if (process.HasExited)
            return;
        using (var kill = Process.Start("kill", ["-TERM", $"{process.Id}"]))
            await kill.WaitForExitAsync();
        using var patience = new CancellationTokenSource(StopPatience);
        await process.WaitForExitAsync(patience.Token).ContinueWith(_ => { }, TaskScheduler.Default);
        Kill();
    }

    public void Dispose()
    {
        process.Dispose();
        lock (log)
        {
            closed = true;
            log.Dispose();
        }
    }

    private void Kill()
    {
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
    }

    private Process Launch()
    {
        // A session of its own: Ctrl-C in the terminal is for this program, which then stops the others in order.
        var start = new ProcessStartInfo("setsid", [plan.Program, .. plan.Arguments]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in plan.Environment)
            start.Environment[name] = value;
        plan.Prepare();
        try
        {
            var launched = Process.Start(start)!;
            launched.OutputDataReceived += (_, line) => Write(line.Data);
            launched.ErrorDataReceived += (_, line) => Write(line.Data);
            launched.BeginOutputReadLine();
            launched.BeginErrorReadLine();
            return launched;
        }
        catch (Win32Exception e)
        {
            throw new CommandException(ExitCodes.Unavailable, $"{plan.Name}: {plan.Program} cannot be started: {e.Message}", e);
        }
    }

    /// <summary>Waits until it listens.</summary>
    /// <exception cref="CommandException">It ended, or did not listen in time.</exception>
    public async Task ListensAsync(CancellationToken ct)
    {
        for (var begun = Stopwatch.GetTimestamp(); ;)
        {
            if (process.HasExited)
                throw new CommandException(ExitCodes.Unavailable, $"{plan.Name} ended with exit code {process.ExitCode}; its log is {Log}");
            try
            {
                using var probe = new TcpClient();
                await probe.ConnectAsync("127.0.0.1", plan.Port, ct);
                return;
            }
            catch (SocketException e)
            {
                if (Stopwatch.GetElapsedTime(begun) > StartPatience)
                    throw new CommandException(ExitCodes.Unavailable, $"{plan.Name} does not listen on port {plan.Port} after {StartPatience.TotalSeconds} s; its log is {Log}", e);
                await Task.Delay(Poll, ct);
            }
        }
    }

    private void Write(string? line)
    {
        lock (log)
        {
            // A last line may come when its process is gone and nobody asks for it.
            if (line is not null && !closed)
                log.WriteLine(line);
        }
    }
}
