using System.Diagnostics;
using System.Text.Json;

namespace Fewshot.Benchmarks;

/// <summary>A measured child process that prints one JSON object: our program, or the PyTorch script beside it.</summary>
internal static class MeasuredProcess
{
    /// <summary>Debian's, with PyTorch.</summary>
    public const string Python = "/usr/bin/python3";

    /// <summary>The process settings that our engine gives itself (see docs/performance.md), for a script.</summary>
    public static IReadOnlyDictionary<string, string> EqualSettings { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["OMP_NUM_THREADS"] = Environment.ProcessorCount.ToString(),
        ["GOMP_SPINCOUNT"] = "10000",
        ["MALLOC_MMAP_MAX_"] = "0",
        ["MALLOC_TRIM_THRESHOLD_"] = "2147483647",
        ["MALLOC_TOP_PAD_"] = "67108864",
        ["LD_LIBRARY_PATH"] = "/usr/lib/x86_64-linux-gnu/openblas-openmp",
    };

    /// <summary>Runs our program's measured side.</summary>
    public static JsonElement Ours(params IEnumerable<string> arguments) => Run(Environment.ProcessPath!, arguments, equal: false);

    /// <summary>Runs a script as it comes, or with <see cref="EqualSettings"/> and as many threads.</summary>
    public static JsonElement Script(IEnumerable<string> script, bool equal = false) =>
        Run(Python, equal ? [.. script, "--threads", $"{Environment.ProcessorCount}"] : script, equal);

    private static JsonElement Run(string program, IEnumerable<string> arguments, bool equal)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var (name, value) in equal ? EqualSettings : new Dictionary<string, string>())
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
