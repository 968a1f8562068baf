using System.Text.Json;

namespace Fewshot.EndToEnd;

[Collection(ProgramTests.Name)]
public class StageTests(Drawings drawings)
{
    [Fact]
    public void Models_Json_ListsTheCatalog()
    {
        var run = FewshotProcess.Run("models", "--json");
        Assert.True(run.ExitCode == 0, run.ToString());
        using var models = JsonDocument.Parse(run.Output);
        var resnet56 = models.RootElement.GetProperty("models").EnumerateArray().Single(model => model.GetProperty("name").GetString() == "cifar_resnet56");
        Assert.Equal(24, resnet56.GetProperty("blocks").EnumerateArray().Count(block => block.GetProperty("droppable").GetBoolean()));
    }

    [Fact]
    public void Train_FromScratch_WritesANetworkThatEvaluates()
    {
        using var folder = new TemporaryFolder();
        var trained = FewshotProcess.Run(
            "train", "--arch", "cifar_resnet20", "--images", drawings.Train, "--iterations", "4", "--batch-size", "16", "--lr", "0.05",
            "--state", folder["state"], "--out", folder["out"]);
        Assert.True(trained.ExitCode == 0, trained.ToString());
        var evaluated = FewshotProcess.Run(
            "evaluate", "--model", Path.Combine(folder["out"], "model.safetensors"), "--images", drawings.Test, "--state", folder["state"], "--out", folder["accuracy.json"]);
        Assert.True(evaluated.ExitCode == 0, evaluated.ToString());
        using var accuracy = JsonDocument.Parse(File.ReadAllBytes(folder["accuracy.json"]));
        Assert.Equal(80, accuracy.RootElement.GetProperty("images").GetInt32());
    }

    [Fact]
    public void Evaluate_SampleNetwork_IsFarAboveChance()
    {
        using var folder = new TemporaryFolder();
        var run = FewshotProcess.Run("evaluate", "--model", Places.Network, "--images", drawings.Test, "--state", folder["state"], "--json");
        Assert.True(run.ExitCode == 0, run.ToString());
        using var accuracy = JsonDocument.Parse(run.Output);
        Assert.InRange(accuracy.RootElement.GetProperty("top1").GetDouble(), 0.75, 1);
    }

    [Fact]
    public void Trial_EveryCriterion_JudgesTheBlocks()
    {
        using var folder = new TemporaryFolder();
        foreach (var criterion in new[] { "practise", "curl", "l2", "eps-resnet", "first", "random" })
        {
            var run = FewshotProcess.Run(
                "trial", "--model", Places.Network, "--images", drawings.Train, "--samples", "32", "--criterion", criterion, "--trial-iterations", "2",
                "--batch-size", "16", "--blocks", "layer1.1,layer2.2", "--state", folder["state"], "--json");
            Assert.True(run.ExitCode == 0, run.ToString());
            using var outcomes = JsonDocument.Parse(run.Output);
            Assert.Equal(2, outcomes.RootElement.GetProperty("outcomes").GetArrayLength());
        }
    }

    [Fact]
    public void Finetune_GivenBlocks_DropsExactlyThese()
    {
        using var folder = new TemporaryFolder();
        var run = FewshotProcess.Run(
            "finetune", "--model", Places.Network, "--images", drawings.Train, "--samples", "32", "--blocks", "layer2.1", "--finetune-iterations", "3",
            "--batch-size", "16", "--state", folder["state"], "--out", folder["out"]);
        Assert.True(run.ExitCode == 0, run.ToString());
        var described = FewshotProcess.Run("convert", "--model", Path.Combine(folder["out"], "model.safetensors"), "--json");
        Assert.True(described.ExitCode == 0, described.ToString());
        using var description = JsonDocument.Parse(described.Output);
        var renamed = description.RootElement.GetProperty("renamed_blocks");
        Assert.False(renamed.TryGetProperty("layer2.1", out _));
        Assert.Equal("layer2.1", renamed.GetProperty("layer2.2").GetString());
    }

    [Fact]
    public void Convert_OtherPreprocessing_IsWrittenIntoTheFile()
    {
        using var folder = new TemporaryFolder();
        var converted = FewshotProcess.Run("convert", "--model", Places.Network, "--mean", "0.5", "--std", "0.25", "--out", folder["half.safetensors"]);
        Assert.True(converted.ExitCode == 0, converted.ToString());
        var described = FewshotProcess.Run("convert", "--model", folder["half.safetensors"], "--json");
        using var description = JsonDocument.Parse(described.Output);
        var preprocessing = description.RootElement.GetProperty("network").GetProperty("preprocessing");
        Assert.Equal([0.5, 0.5, 0.5], preprocessing.GetProperty("mean").EnumerateArray().Select(value => value.GetDouble()));
    }

    [Fact]
    public void Samples_SameSeed_DrawsTheSameImages()
    {
        using var folder = new TemporaryFolder();
        foreach (var name in new[] { "a", "b" })
            Assert.Equal(0, FewshotProcess.Run("samples", "--out", folder[name], "--train", "1", "--test", "1", "--seed", "5").ExitCode);
        var files = Directory.GetFiles(folder["a"], "*.png", SearchOption.AllDirectories);
        Assert.Equal(20, files.Length);
        Assert.All(files, file => Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(file.Replace(folder["a"], folder["b"], StringComparison.Ordinal))));
    }

    [Fact]
    public void Images_WholeDatasetFolder_MeansTheRightSplit()
    {
        using var folder = new TemporaryFolder();
        var run = FewshotProcess.Run("evaluate", "--model", Places.Network, "--images", drawings.Root, "--state", folder["state"], "--json");
        Assert.True(run.ExitCode == 0, run.ToString());
        using var accuracy = JsonDocument.Parse(run.Output);
        Assert.Equal(80, accuracy.RootElement.GetProperty("images").GetInt32());
        Assert.Contains("test", run.Error, StringComparison.Ordinal);
    }
}
