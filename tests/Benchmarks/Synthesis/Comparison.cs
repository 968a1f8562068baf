using System.Text.Json;

namespace Fewshot.Benchmarks.Synthesis;

/// <summary>Runs the script and our program in turn and prints the ratios.</summary>
internal static class Comparison
{
    public static void Print(Case one, int iterations, int rounds, string models)
    {
        string[] script =
        [
            Path.Combine(AppContext.BaseDirectory, "synthesis_reference.py"), one.Method, "--model", Path.Combine(models, one.File), "--images", $"{Case.Images}",
            "--iterations", $"{iterations}", "--depth", $"{one.Depth}", "--heads", $"{one.Heads ?? 1}",
        ];
        Console.WriteLine($"{one.Method} on {one.Name}, {Case.Images} images, {iterations} steps, {rounds} rounds, {Environment.ProcessorCount} cores");
        List<JsonElement> ours = [];
        (string Name, bool Equal, bool Frozen, List<JsonElement> Runs)[] scripts =
        [
            ("PyTorch, its defaults", false, false, []), ("the same, weights frozen", false, true, []),
            ("PyTorch, equal settings", true, false, []), ("the same, weights frozen", true, true, []),
        ];
        for (var round = 0; round < rounds; round++)
        {
            ours.Add(MeasuredProcess.Ours(["ours", one.Name, $"{iterations}", models]));
            foreach (var (_, equal, frozen, runs) in scripts)
                runs.Add(MeasuredProcess.Script(frozen ? [.. script, "--frozen"] : script, equal));
        }

        Row("ours", ours, ours);
        foreach (var (name, _, _, runs) in scripts)
            Row(name, runs, ours);
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
}
