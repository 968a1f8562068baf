using System.Diagnostics;
using System.Globalization;

namespace Fewshot.Benchmarks.GrpcThroughput;

/// <summary>Measures both stacks in turn and prints a table.</summary>
internal static class Comparison
{
    private static readonly (string Name, string Unit)[] Measures =
    [
        ("unary, one at a time", "calls/s"), ("unary, 32 in flight", "calls/s"), ("download, 1 MiB chunks", "MB/s"), ("upload, 1 MiB chunks", "MB/s"),
    ];

    private static readonly (string File, string Script)[] Stacks =
    [
        (Environment.ProcessPath!, ""), ("/usr/bin/python3", Path.Combine(AppContext.BaseDirectory, "grpcio_throughput.py")),
    ];

    public static async Task RunAsync(int rounds, double seconds)
    {
        var rates = Stacks.Select(_ => new List<double[]>()).ToArray();
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

        Console.WriteLine($"{"",-26}{"ours",12}{"grpcio",12}{"ratio",8}");
        for (var i = 0; i < Measures.Length; i++)
        {
            var (ours, theirs) = (Median(rates[0], i), Median(rates[1], i));
            Console.WriteLine($"{Measures[i].Name,-26}{ours,12:N0}{theirs,12:N0}{ours / theirs,8:F2}  {Measures[i].Unit}");
        }
    }

    private static double Median(List<double[]> rounds, int measure) => rounds.Select(r => r[measure]).Order().ElementAt(rounds.Count / 2);

    private static async Task<double[]> MeasureAsync((string File, string Script) stack, double seconds)
    {
        using var server = Start(stack, "server");
        try
        {
            var port = await server.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The server did not start.");
            using var client = Start(stack, "client", port, seconds.ToString(CultureInfo.InvariantCulture));
            var output = await client.StandardOutput.ReadToEndAsync();
            await client.WaitForExitAsync();
            return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => double.Parse(l, CultureInfo.InvariantCulture))];
        }
        finally
        {
            server.StandardInput.Close();
            await server.WaitForExitAsync();
        }
    }

    private static Process Start((string File, string Script) stack, params string[] arguments) => Process.Start(
        new ProcessStartInfo(stack.File, stack.Script.Length > 0 ? [stack.Script, .. arguments] : arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        })!;
}
