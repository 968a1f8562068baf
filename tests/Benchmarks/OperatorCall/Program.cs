using System.Diagnostics;
using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

// Processor time a call (so that a busy machine disturbs little), best of seven rounds, in this process and in PyTorch's Python one after the other.
set_num_threads(1);
using var everything = NewDisposeScope();
Tensor a = ones(4), b = ones(4), p = ones([4], requires_grad: true), x = ones(1, 4, 4, 4), w = ones(4, 4, 1, 1), m = ones(8, 8);
var mine = new Dictionary<string, double>();
using (no_grad())
{
    Measure("add", () => a + b);
    Measure("add_in_place", () => a.add_(b), keep: true);
    Measure("mul_scalar", () => a * 2.0);
    Measure("view", () => m.view(4, 16));
    Measure("mm", () => m.mm(m));
    Measure("conv2d_1x1", () => nn.functional.conv2d(x, w), 20_000);
}
Measure("add_recorded", () => p + b);

using var python = Process.Start(new ProcessStartInfo("/usr/bin/python3", [Path.Combine(AppContext.BaseDirectory, "operator_call.py")])
{
    RedirectStandardOutput = true,
    UseShellExecute = false,
})!;
Console.WriteLine($"{"operator",-14} {"C# us",8} {"Python us",10} {"ratio",6}");
while (python.StandardOutput.ReadLine() is { } line)
{
    var parts = line.Split(' ');
    var theirs = double.Parse(parts[1], CultureInfo.InvariantCulture);
    Console.WriteLine($"{parts[0],-14} {mine[parts[0]],8:F3} {theirs,10:F3} {mine[parts[0]] / theirs,6:F2}");
}
python.WaitForExit();
return python.ExitCode;

void Measure(string name, Func<Tensor> call, int count = 100_000, bool keep = false)
{
    var best = double.MaxValue;
    for (var round = 0; round < 7; round++)
    {
        var start = Environment.CpuUsage.TotalTime;
        for (var k = 0; k < count; k++)
        {
            var result = call();
            if (!keep)
                result.Dispose();
        }
        best = Math.Min(best, (Environment.CpuUsage.TotalTime - start).TotalMicroseconds / count);
    }
    mine[name] = best;
}
