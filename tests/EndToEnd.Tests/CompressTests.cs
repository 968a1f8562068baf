using System.Text.Json;

namespace Fewshot.EndToEnd;

[Collection(ProgramTests.Name)]
public class CompressTests(Drawings drawings)
{
    /// <summary>The smallest run that does everything; MACs as cost, so that it repeats to the byte.</summary>
    internal static string[] Practise(Drawings drawings, string state, string output, params string[] more) =>
        Practise(drawings, state, output, trialIterations: 3, finetuneIterations: 6, more);

    internal static string[] Practise(Drawings drawings, string state, string output, int trialIterations, int finetuneIterations, params string[] more) =>
    [
        "compress", "practise", "--model", Places.Network, "--images", drawings.Train, "--samples", "64", "--seed", "7",
        "--drop", "2", "--trial-iterations", $"{trialIterations}", "--finetune-iterations", $"{finetuneIterations}", "--batch-size", "16", "--latency-runs", "3", "--latency-batch", "8",
        "--eval", drawings.Test, "--state", state, "--out", output, .. more,
    ];

    [Fact]
    public void Practise_SampleNetwork_WritesNetworkAndReport()
    {
        using var folder = new TemporaryFolder();
        var run = FewshotProcess.Run(Practise(drawings, folder["state"], folder["out"]));
        Assert.True(run.ExitCode == 0, run.ToString());
        Assert.Equal(["model.safetensors", "report.json"], Directory.GetFiles(folder["out"]).Select(Path.GetFileName).Order());
        using var report = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder["out"], "report.json")));
        var root = report.RootElement;
        Assert.Equal("practise", root.GetProperty("method").GetString());
        Assert.Equal("cifar_resnet20", root.GetProperty("arch").GetString());
        Assert.Equal(7, root.GetProperty("seed").GetInt32());
        Assert.Equal(64, root.GetProperty("samples").GetInt32());
        foreach (var name in new[] { "schema", "device", "artifacts", "latency_reduction" })
            Assert.True(root.TryGetProperty(name, out _), name);
        foreach (var name in new[] { "top1", "top5", "latency_us", "macs", "params" })
        {
            Assert.True(root.GetProperty("teacher").GetProperty(name).GetDouble() > 0, name);
            Assert.True(root.GetProperty("result").GetProperty(name).GetDouble() > 0, name);
        }

        Assert.True(root.GetProperty("result").GetProperty("top1_before_finetune").GetDouble() >= 0);
        Assert.True(root.GetProperty("result").GetProperty("macs").GetInt64() < root.GetProperty("teacher").GetProperty("macs").GetInt64());
        Assert.Equal(2, root.GetProperty("blocks").EnumerateArray().Count(block => block.GetProperty("dropped").GetBoolean()));
        Assert.All(root.GetProperty("blocks").EnumerateArray(), block => Assert.True(block.GetProperty("recoverability").GetDouble() >= 0));
        foreach (var name in new[] { "profile", "trials", "finetune", "total" })
            Assert.True(root.GetProperty("seconds").GetProperty(name).GetDouble() >= 0, name);
        Assert.All(root.GetProperty("steps").EnumerateArray(), step => Assert.Equal(64, step.GetProperty("key").GetString()!.Length));
        Assert.Contains("dropped", run.Output, StringComparison.Ordinal);

        var evaluated = FewshotProcess.Run(
            "evaluate", "--model", Path.Combine(folder["out"], "model.safetensors"), "--images", drawings.Test, "--state", folder["state"], "--json");
        Assert.True(evaluated.ExitCode == 0, evaluated.ToString());
        using var accuracy = JsonDocument.Parse(evaluated.Output);
        Assert.Equal(root.GetProperty("result").GetProperty("top1").GetDouble(), accuracy.RootElement.GetProperty("top1").GetDouble(), 6);
    }

    [Fact]
    public void Practise_SameCommandAgain_IsInstantAndEqual()
    {
        using var folder = new TemporaryFolder();
        var first = FewshotProcess.Run(Practise(drawings, folder["state"], folder["a"], "--tau", "macs"));
        var again = FewshotProcess.Run(Practise(drawings, folder["state"], folder["b"], "--tau", "macs", "--json"));
        Assert.True(first.ExitCode == 0, first.ToString());
        Assert.True(again.ExitCode == 0, again.ToString());
        Assert.Contains("done before", again.Error, StringComparison.Ordinal);
        foreach (var name in new[] { "model.safetensors", "report.json" })
            Assert.Equal(File.ReadAllBytes(Path.Combine(folder["a"], name)), File.ReadAllBytes(Path.Combine(folder["b"], name)));
        using var report = JsonDocument.Parse(again.Output);
        Assert.Equal("practise", report.RootElement.GetProperty("method").GetString());
    }

    [Theory]
    [InlineData("trials")]
    [InlineData("finetune")]
    public void Practise_KilledInAStage_ContinuesToTheSameBytes(string stage)
    {
        using var folder = new TemporaryFolder();
        string[] more = ["--tau", "macs", "--json"];
        var undisturbed = FewshotProcess.Run(Practise(drawings, folder["state-a"], folder["a"], 16, 24, more));
        Assert.True(undisturbed.ExitCode == 0, undisturbed.ToString());

        string[] command = Practise(drawings, folder["state-b"], folder["b"], 16, 24, more);
        using (var killed = FewshotProcess.Start(command))
        {
            killed.WaitForLine(line => IsProgress(line, stage));
            killed.Kill();
        }

        Assert.False(File.Exists(Path.Combine(folder["b"], "model.safetensors")));
        var continued = FewshotProcess.Run(command);
        Assert.True(continued.ExitCode == 0, continued.ToString());
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder["a"], "model.safetensors")), File.ReadAllBytes(Path.Combine(folder["b"], "model.safetensors")));
        if (stage == "finetune") Assert.Contains(Steps(continued.Output), step => step.Cached && step.Name.StartsWith("trials", StringComparison.Ordinal));
    }

    [Fact]
    public void Practise_ControlC_EndsCleanlyAndContinues()
    {
        using var folder = new TemporaryFolder();
        string[] command = Practise(drawings, folder["state"], folder["out"], 400, 6, "--tau", "macs", "--json");
        Finished stopped;
        using (var running = FewshotProcess.Start(command))
        {
            running.WaitForLine(line => IsProgress(line, "trials"));
            running.PressControlC();
            stopped = running.Wait();
        }

        Assert.True(stopped.ExitCode == 130, stopped.ToString());
        Assert.Empty(Directory.GetFileSystemEntries(folder["out"]));
        var jobs = FewshotProcess.Run("jobs", "--state", folder["state"], "--json");
        Assert.Contains("\"state\":\"cancelled\"", jobs.Output, StringComparison.Ordinal);

        using var continued = FewshotProcess.Start(command);
        continued.WaitForLine(line => IsProgress(line, "trials"));
        continued.PressControlC();
        Assert.Equal(130, continued.Wait().ExitCode);
    }

    [Fact]
    public void Profile_SavedAndUsed_GivesTheSameBytesTwice()
    {
        using var folder = new TemporaryFolder();
        var profiled = FewshotProcess.Run(
            "profile", "--model", Places.Network, "--latency-batch", "8", "--latency-runs", "3", "--state", folder["state"], "--out", folder["profile.json"]);
        Assert.True(profiled.ExitCode == 0, profiled.ToString());
        var first = FewshotProcess.Run(Practise(drawings, folder["state-a"], folder["a"], "--latency-profile", folder["profile.json"]));
        var second = FewshotProcess.Run(Practise(drawings, folder["state-b"], folder["b"], "--latency-profile", folder["profile.json"]));
        Assert.True(first.ExitCode == 0, first.ToString());
        Assert.True(second.ExitCode == 0, second.ToString());
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder["a"], "model.safetensors")), File.ReadAllBytes(Path.Combine(folder["b"], "model.safetensors")));
    }

    internal static bool IsProgress(string line, string stage) =>
        line.Contains("\"event\":\"progress\"", StringComparison.Ordinal) && line.Contains($"\"stage\":\"{stage}\"", StringComparison.Ordinal)
        && !line.Contains("\"completed\":0,", StringComparison.Ordinal);

    private static List<(string Name, bool Cached)> Steps(string report)
    {
        using var document = JsonDocument.Parse(report);
        return [.. document.RootElement.GetProperty("steps").EnumerateArray().Select(step => (step.GetProperty("name").GetString()!, step.GetProperty("cached").GetBoolean()))];
    }
}
