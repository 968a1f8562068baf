using System.Text.Json;

namespace Fewshot.Benchmarks.CompressionTrials;

/// <summary>Runs the script and our program in turn and prints the ratios.</summary>
internal static class Comparison
{
    public static void PrintTrials(int iterations, int rounds, string model, string images)
    {
        string[] script = [Path.Combine(AppContext.BaseDirectory, "dcvit_reference.py"), "--model", model, "--images", images, "--iterations", $"{iterations}"];
        Console.WriteLine($"DC-ViT trials, Fashion ViT, {Setting.Candidates} candidates, {iterations} iterations, batch {Setting.Images}, {Environment.ProcessorCount} cores, {rounds} rounds");
        var (ours, plain, equal) = (new List<JsonElement>(), new List<JsonElement>(), new List<JsonElement>());
        for (var round = 0; round < rounds; round++)
        {
            ours.Add(MeasuredProcess.Ours(["ours", $"{iterations}", model, images]));
            plain.Add(MeasuredProcess.Script(script));
            equal.Add(MeasuredProcess.Script(script, equal: true));
        }

        Print("ours", ours, ours);
        Print("PyTorch, its defaults", plain, ours);
        Print("PyTorch, equal settings", equal, ours);
        var gap = ((string[])["first", "last"]).Max(moment => Losses(ours[0], moment).Max(loss => Math.Abs(loss.Value / Losses(plain[0], moment)[loss.Key] - 1)));
        Console.WriteLine($"  mimic losses before and after: largest relative difference {gap:G2} between ours and the script");
    }

    public static void PrintMemory(int batch)
    {
        var report = MeasuredProcess.Ours(["memory-child", $"{batch}"]);
        Console.WriteLine($"ViT-B/16 trial, batch {batch}: peak {report.GetProperty("peak_bytes").GetInt64() / 1e9:F2} GB of memory, {report.GetProperty("iteration_seconds").GetDouble():F1} s an iteration");
    }

    private static void Print(string name, List<JsonElement> runs, List<JsonElement> ours) => Console.WriteLine(
        $"  {name,-26} {Median(runs),7:F3} s an iteration over all candidates (runs: {string.Join(", ", runs.Select(run => $"{Seconds(run):F3}"))})"
        + (runs == ours ? "" : $"  ratio {Median(runs) / Median(ours):F2}"));

    private static double Seconds(JsonElement report) => report.GetProperty("iteration_seconds").GetDouble();

    private static double Median(List<JsonElement> runs) => runs.Select(Seconds).Order().ElementAt(runs.Count / 2);

    private static Dictionary<string, double> Losses(JsonElement report, string moment) =>
        report.GetProperty(moment).EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetDouble(), StringComparer.Ordinal);
}
