using System.Text.Json;

namespace Fewshot.EndToEnd;

/// <summary>What was computed before the program died, or vanished, and what of it counts afterwards.</summary>
[Collection(ProgramTests.Name)]
public class CheckpointTests(Drawings drawings)
{
    /// <summary>A step writes its first checkpoint after so many iterations, or earlier when they take long.</summary>
    private const int FirstCheckpoint = 200;

    [Fact]
    public void Finetune_KilledAfterACheckpoint_GoesOnFromItToTheSameBytes()
    {
        using var folder = new TemporaryFolder();
        var undisturbed = FewshotProcess.Run(Finetune(folder["state-a"], folder["a"]));
        Assert.True(undisturbed.ExitCode == 0, undisturbed.ToString());

        var command = Finetune(folder["state-b"], folder["b"]);
        using (var killed = FewshotProcess.Start(command))
        {
            killed.WaitForLine(line => Completed(line) > FirstCheckpoint);
            killed.Kill();
        }

        var continued = FewshotProcess.Run(command);
        Assert.True(continued.ExitCode == 0, continued.ToString());
        // The job's events begin with those of the killed run; a restart from scratch would count from the beginning again.
        var counts = continued.Error.Split('\n').Select(Completed).OfType<long>().ToList();
        var dropped = counts.Zip(counts.Skip(1)).Where(pair => pair.Second < pair.First && pair.Second > 0).ToList();
        Assert.All(dropped, pair => Assert.InRange(pair.Second, FirstCheckpoint / 2, int.MaxValue));
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder["a"], "model.safetensors")), File.ReadAllBytes(Path.Combine(folder["b"], "model.safetensors")));
    }

    [Fact]
    public void Results_GoneFromTheState_AreMadeAgain()
    {
        using var folder = new TemporaryFolder();
        string[] command = CompressTests.Practise(drawings, folder["state"], folder["out"], "--tau", "macs");
        Assert.Equal(0, FewshotProcess.Run(command).ExitCode);
        var model = File.ReadAllBytes(Path.Combine(folder["out"], "model.safetensors"));
        Directory.Delete(Path.Combine(folder["state"], "artifacts"), recursive: true);
        var again = FewshotProcess.Run(command);
        Assert.True(again.ExitCode == 0, again.ToString());
        Assert.Equal(model, File.ReadAllBytes(Path.Combine(folder["out"], "model.safetensors")));
    }

    [Fact]
    public void Images_VanishedFromAList_AreNamed()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(folder["list.txt"], "gone/a.png\ngone/b.png\n");
        var run = FewshotProcess.Run("trial", "--model", Places.Network, "--images", folder["list.txt"], "--state", folder["state"]);
        Assert.True(run.ExitCode == 3, run.ToString());
        Assert.Contains("gone/a.png: the file is gone", run.Error, StringComparison.Ordinal);
    }

    private static long? Completed(string line)
    {
        if (!CompressTests.IsProgress(line, "finetune")) return null;
        using var progress = JsonDocument.Parse(line);
        return progress.RootElement.GetProperty("completed").GetInt64();
    }

    private string[] Finetune(string state, string output) =>
    [
        "finetune", "--model", Places.Network, "--images", drawings.Train, "--samples", "16", "--seed", "3", "--blocks", "layer1.1,layer2.1,layer3.1",
        "--finetune-iterations", "320", "--batch-size", "4", "--state", state, "--out", output, "--json",
    ];
}
