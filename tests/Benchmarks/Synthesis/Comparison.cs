using System.Diagnostics;
using System.Text.Json;

namespace Fewshot.Benchmarks.Synthesis;

/// <summary>Runs the script and our program in turn and prints the ratios.</summary>
internal static class Comparison
{
    private const string Python = "/usr/bin/python3";

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

    public static void Print(Case one, int iterations, int rounds, string models)
    {
        string[] script =
        [
            Path.Combine(AppContext.BaseDirectory, "synthesis_reference.py"), one.Method, "--model", Path.Combine(models, one.File), "--images", $"{Case.Images}",
            "--iterations", $"{iterations}", "--depth", $"{one.Depth}", "--heads", $"{one.Heads ?? 1}",
        ];
        Console.WriteLine($"{one.Method} on {one.Name}, {Case.Images} images, {iterations} steps, {rounds} rounds, {Environment.ProcessorCount} cores");
        List<JsonElement> ours = [], plain = [], equal = [];
        for (var round = 0; round < rounds; round++)
        {
            ours.Add(Child(Environment.ProcessPath!, ["ours", one.Name, $"{iterations}", models], []));
            plain.Add(Child(Python, script, []));
            equal.Add(Child(Python, [.. script, "--threads", $"{Environment.ProcessorCount}"], EqualSettings));
        }

        Row("ours", ours, ours);
        Row("PyTorch, its defaults", plain, ours);
        Row("PyTorch, equal settings", equal, ours);
    }

    private static void Row(string name, List<JsonElement> runs, List<JsonElement> ours)
    {
        var newest = runs[^1];
        Console.WriteLine(
            $"  {name,-24} {Median(runs) * 1000,8:F1} ms a step  ratio {Median(runs) / Median(ours):F2}  loss {newest.GetProperty("first_loss").GetDouble():F2} to {newest.GetProperty("best_loss").GetDouble():F2}, top-1 {newest.GetProperty("teacher_top1").GetDouble():P0}");
    }

    private static double Median(List<JsonElement> runs)
    {
        var seconds = runs.Select(run => run.GetProperty("seconds_per_step").GetDouble()).Order().ToArray();
        return (seconds[(seconds.Length - 1) / 2] + seconds[seconds.Length / 2]) / 2;
    }

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
