using System.Text.Json;

namespace Fewshot.Benchmarks.Trials;

/// <summary>Runs the script and our program in turn and prints the ratios.</summary>
internal static class Comparison
{
    public static void Print(string stage, int iterations, string model, string images)
    {
        string[] script = [Path.Combine(AppContext.BaseDirectory, "practise_reference.py"), stage, "--model", model, "--images", images, "--iterations", $"{iterations}"];
        Console.WriteLine($"{stage}, ResNet-56, {iterations} iterations, batch 64, 500 images, {Environment.ProcessorCount} cores");
        var ours = MeasuredProcess.Ours(["ours", stage, $"{iterations}", model, images]);
        var plain = MeasuredProcess.Script(script);
        var equal = MeasuredProcess.Script(script, equal: true);
        var again = MeasuredProcess.Ours(["ours", stage, $"{iterations}", model, images]);
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
}
