using System.Diagnostics;
using System.Globalization;

namespace Fewshot.Benchmarks.GrpcThroughput;

/// <summary>Measures both stacks in turn and prints a table.</summary>
internal static class Comparison
{
    private static readonly (string Name, string Unit, string CpuUnit)[] Measures =
    [
        ("unary, one at a time", "calls/s", "us/call"),
        ("unary, 32 in flight", "calls/s", "us/call"),
        ("download, 1 MiB chunks", "MB/s", "us/MB"),
        ("upload, 1 MiB chunks", "MB/s", "us/MB"),
    ];

    private static readonly (string File, string Script)[] Stacks =
    [
        (Environment.ProcessPath!, ""), ("/usr/bin/python3", Path.Combine(AppContext.BaseDirectory, "grpcio_throughput.py")),
    ];

    public static async Task RunAsync(int rounds, double seconds)
    {
        var rates = Stacks.Select(_ => new List<Figures[]>()).ToArray();
        // The first round warms up the disk's and the JIT's caches.
        for (var round = 0; round <= rounds; round++)
        {
            for (var stack = 0; stack < Stacks.Length; stack++)
            {
                var measured = await MeasureAsync(Stacks[stack], round == 0 ? 0.3 : seconds);
                if (round > 0)
                    rates[stack].Add(measured);
            }
        }

        Console.WriteLine($"{"",-24}{"ours",10}{"grpcio",10}{"ratio",8}{"",10}{"CPU: ours",14}{"grpcio",10}{"ratio",8}");
        for (var i = 0; i < Measures.Length; i++)
        {
            var (name, unit, cpuUnit) = Measures[i];
            var ours = Median(rates[0], r => r[i].PerSecond);
            var theirs = Median(rates[1], r => r[i].PerSecond);
            var (ourCpu, theirCpu) = (Median(rates[0], r => r[i].CpuMicroseconds), Median(rates[1], r => r[i].CpuMicroseconds));
            Console.WriteLine(
                $"{name,-24}{ours,10:N0}{theirs,10:N0}{ours / theirs,8:F2}  {unit,-8}{ourCpu,14:N0}{theirCpu,10:N0}{ourCpu / theirCpu,8:F2}  {cpuUnit}");
        }
    }

    private static double Median(List<Figures[]> rounds, Func<Figures[], double> figure) => rounds.Select(figure).Order().ElementAt(rounds.Count / 2);

    private static async Task<Figures[]> MeasureAsync((string File, string Script) stack, double seconds)
    {
        using var server = Start(stack, "server");
        try
        {
            var port = await server.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The server did not start.");
            using var client = Start(stack, "client", port, seconds.ToString(CultureInfo.InvariantCulture));
            var figures = new Figures[Measures.Length];
            for (var i = 0; i < figures.Length; i++)
            {
                await client.StandardOutput.ReadLineAsync();
                var before = Cpu(server, client);
                var line = await client.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The client failed.");
                var cpu = (Cpu(server, client) - before).TotalMicroseconds;
                var numbers = line.Split(' ').Select(n => double.Parse(n, CultureInfo.InvariantCulture)).ToArray();
                figures[i] = new Figures(numbers[0], cpu / numbers[1]);
            }

            await client.WaitForExitAsync();
            return figures;
        }
        finally
        {
            server.StandardInput.Close();
            await server.WaitForExitAsync();
        }
    }

    private static TimeSpan Cpu(params Process[] processes)
    {
        foreach (var process in processes)
            process.Refresh();
        return processes.Aggregate(TimeSpan.Zero, (sum, p) => sum + p.TotalProcessorTime);
    }

    private static Process Start((string File, string Script) stack, params string[] arguments) => Process.Start(
        new ProcessStartInfo(stack.File, stack.Script.Length > 0 ? [stack.Script, .. arguments] : arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        })!;

    /// <param name="PerSecond">Calls or megabytes a second.</param>
    /// <param name="CpuMicroseconds">Processor time of client and server together, a call or a megabyte; it hardly depends on who else is running.</param>
    private sealed record Figures(double PerSecond, double CpuMicroseconds);
}
