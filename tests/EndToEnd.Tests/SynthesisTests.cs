using System.Text.Json;

namespace Fewshot.EndToEnd;

[Collection(ProgramTests.Name)]
public class SynthesisTests(Drawings drawings)
{
    [Fact]
    public void Synthesize_SampleNetwork_WritesAFolderThatIsUsableAndAPreview()
    {
        using var folder = new TemporaryFolder();
        string[] command =
        [
            "synthesize", "--model", Places.Network, "--images", "6", "--batch-size", "4", "--iterations", "60", "--seed", "5",
            "--out", folder["images"], "--preview", folder["grid.png"], "--state", folder["state"],
        ];
        var run = FewshotProcess.Run(command);
        Assert.True(run.ExitCode == 0, run.ToString());
        Assert.Contains("6 images by deepinversion, 60 steps, seed 5: the network sees the intended class in", run.Output, StringComparison.Ordinal);
        var files = Directory.GetFiles(folder["images"], "*.png", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(folder["images"], path)).ToArray();
        Assert.Equal(Enumerable.Range(0, 6).Select(i => $"{i:D6}.png"), files.Select(Path.GetFileName).Order());
        Assert.All(files, file => Assert.InRange(int.Parse(Path.GetDirectoryName(file)!), 0, 9));
        Assert.Equal("PNG"u8.ToArray(), File.ReadAllBytes(folder["grid.png"])[1..4]);
        using var report = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder["images"], "report.json")));
        var top1 = report.RootElement.GetProperty("teacher_top1").GetDouble();
        Assert.InRange(top1, 0.8, 1);

        var evaluated = FewshotProcess.Run("evaluate", "--model", Places.Network, "--images", folder["images"], "--state", folder["state"], "--json");
        Assert.True(evaluated.ExitCode == 0, evaluated.ToString());
        using var accuracy = JsonDocument.Parse(evaluated.Output);
        Assert.Equal(top1, accuracy.RootElement.GetProperty("top1").GetDouble(), 6);

        var again = FewshotProcess.Run(command);
        Assert.Contains("done before", again.Error, StringComparison.Ordinal);
        var mixed = FewshotProcess.Run(["synthesize", "--model", Places.Network, "--images", "2", "--iterations", "2", "--out", folder["images"], "--state", folder["state"]]);
        Assert.True(mixed.ExitCode == 3 && mixed.Error.Contains("holds other images", StringComparison.Ordinal), mixed.ToString());
    }

    [Fact]
    public void Practise_SyntheticImages_NeedsNoImageOfTheUser()
    {
        using var folder = new TemporaryFolder();
        var run = FewshotProcess.Run(
            "compress", "practise", "--model", Places.Network, "--images", "synthetic:8", "--synthetic-iterations", "20", "--drop", "2", "--tau", "macs", "--trial-iterations", "2",
            "--finetune-iterations", "3", "--batch-size", "8", "--latency-runs", "3", "--latency-batch", "8", "--eval", drawings.Test, "--state", folder["state"], "--out", folder["out"]);
        Assert.True(run.ExitCode == 0, run.ToString());
        Assert.Contains("8 synthesised images to train on (deepinversion)", run.Output, StringComparison.Ordinal);
        using var report = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder["out"], "report.json")));
        var synthetic = report.RootElement.GetProperty("synthetic");
        Assert.Equal((8, 8), (synthetic.GetProperty("images").GetInt32(), report.RootElement.GetProperty("samples").GetInt32()));
        Assert.InRange(synthetic.GetProperty("teacher_top1").GetDouble(), 0, 1);
        Assert.True(synthetic.GetProperty("seconds").GetDouble() > 0);
        Assert.Equal("synthesize/train/0", report.RootElement.GetProperty("steps").EnumerateArray().Select(step => step.GetProperty("name").GetString()).Single(name => name!.StartsWith("synth", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(2, "--images takes a whole number from 1 to 100000, not '0'", "--images", "0")]
    [InlineData(2, "--method takes one of auto, deepdream, deepinversion, not 'magic'", "--method", "magic")]
    [InlineData(3, "lies in the image folder", "--preview", "OUT/grid.png")]
    [InlineData(3, "synthesize.compute.mixed_precision", "--device", "cuda", "--mixed-precision")]
    public void Synthesize_BadInput_IsNamed(int code, string message, params string[] options)
    {
        using var folder = new TemporaryFolder();
        var run = FewshotProcess.Run(
            ["synthesize", "--model", Places.Network, "--out", folder["out"], "--state", folder["state"], .. options.Select(option => option.Replace("OUT", folder["out"], StringComparison.Ordinal))]);
        Assert.True(run.ExitCode == code && run.Error.Contains(message, StringComparison.Ordinal), run.ToString());
    }

    [Fact]
    public void Synthesize_FolderWithOtherImages_IsRefused()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["out"]);
        File.WriteAllText(Path.Combine(folder["out"], "cat.JPG"), "");
        var run = FewshotProcess.Run("synthesize", "--model", Places.Network, "--out", folder["out"], "--state", folder["state"]);
        Assert.True(run.ExitCode == 3 && run.Error.Contains("--out: '" + folder["out"] + "' holds other images ('cat.JPG')", StringComparison.Ordinal), run.ToString());
    }

    [Theory]
    [InlineData("--images synthetic:N takes a whole number from 1 to 100000, not 'synthetic:0'", "synthetic:0")]
    [InlineData("--images synthetic:N takes a whole number from 1 to 100000, not 'synthetic:many'", "synthetic:many")]
    [InlineData("--samples draws from images that are there; with --images synthetic:N, N says how many are made", "synthetic:5", "--samples", "3")]
    public void Practise_BadSyntheticImages_AreNamed(string message, string images, params string[] more)
    {
        using var folder = new TemporaryFolder();
        var run = FewshotProcess.Run(["compress", "practise", "--model", Places.Network, "--images", images, "--drop", "1", "--out", folder["out"], .. more]);
        Assert.True(run.ExitCode == 2 && run.Error.Contains(message, StringComparison.Ordinal), run.ToString());
    }

    [Fact]
    public void Trial_SyntheticImages_SaysWhichCommandMakesThem()
    {
        var run = FewshotProcess.Run("trial", "--model", Places.Network, "--images", "synthetic:5");
        Assert.True(run.ExitCode == 2 && run.Error.Contains("'fewshot synthesize' makes a folder of such images", StringComparison.Ordinal), run.ToString());
    }
}
