using System.Diagnostics;
using System.Text.Json;

namespace Fewshot.Benchmarks.Trials;

/// <summary>Runs the script and our program in turn and prints the ratios.</summary>
internal static class Comparison
{
    // The process settings that our engine gives itself (see the README's speed section), for the script.
    private static readonly Dictionary<string, string> EqualSettings = new(StringComparer.Ordinal)
    {
        ["OMP_NUM_THREADS"] = Environment.ProcessorCount.ToString(),
        ["GOMP_SPINCOUNT"] = "10000",
        ["MALLOC_MMAP_MAX_"] = "0",
        ["MALLOC_TRIM_THRESHOLD_"] = "2147483647",
        ["MALLOC_TOP_PAD_"] = "67108864",
        ["LD_LIBRARY_PATH"] = "/usr/lib/x86_64-linux-gnu/openblas-openmp",
    };

    public static void Print(string stage, int iterations, string model, string images)
    {
        string[] script = [Path.Combine(AppContext.BaseDirectory, "practise_reference.py"), stage, "--model", model, "--images", images, "--iterations", $"{iterations}"];
        const string Python = "/usr/bin/python3";
        Console.WriteLine($"{stage}, ResNet-56, {iterations} iterations, batch 64, 500 images, {Environment.ProcessorCount} cores");
        var ours = Child(Environment.ProcessPath!, ["ours", stage, $"{iterations}", model, images], []);
        var plain = Child(Python, script, []);
        var equal = Child(Python, [.. script, "--threads", $"{Environment.ProcessorCount}"], EqualSettings);
        var again = Child(Environment.ProcessPath!, ["ours", stage, $"{iterations}", model, images], []);
        var seconds = (Train(ours) + Train(again)) / 2;
        Console.WriteLine($"  ours                       {seconds,8:F1} s  (runs: {Train(ours):F1}, {Train(again):F1})");
        Console.WriteLine($"  PyTorch, its defaults      {Train(plain),8:F1} s  ratio {Train(plain) / seconds:F2}");
        Console.WriteLine($"  PyTorch, equal settings    {Train(equal),8:F1} s  ratio {Train(equal) / seconds:F2}");
        if (stage == "trials")
            Console.WriteLine($"  recoverability ranking: Spearman {Spearman(Blocks(ours), Blocks(plain)):F4} against the script");
    }

    private static double Train(JsonElement report) => report.GetProperty("train_seconds").GetDouble();

    private static Dictionary<string, double> Blocks(JsonElement report) =>
        report.GetProperty("blocks").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetDouble(), StringComparer.Ordinal);

    private static double Spearman(Dictionary<string, double> a, Dictionary<string, double> b) =>
        Planning.RankCorrelation.Spearman([.. a.Values], [.. a.Keys.Select(k => b[k])]);

    private static JsonElement Child(string program, IEnumerable<string> arguments, Dictionary<string, string> environment)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0
            ? JsonDocument.Parse(output[output.IndexOf('{', StringComparison.Ordinal)..]).RootElement
            : throw new InvalidOperationException($"{program} failed: {errors.Result}");
    }
}
