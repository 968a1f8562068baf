namespace Fewshot.EndToEnd;

/// <summary>Images drawn once by the program itself, for every test.</summary>
public sealed class Drawings : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly Lazy<string> transformer;

    public Drawings()
    {
        transformer = new(() =>
        {
            var trained = FewshotProcess.Run(
                "train", "--arch", "vit_d32_l4_h2_m64_p8", "--images", Train, "--iterations", "40", "--batch-size", "32", "--lr", "0.05",
                "--state", folder["state"], "--out", folder["transformer"]);
            Assert.True(trained.ExitCode == 0, trained.ToString());
            return Path.Combine(folder["transformer"], "model.safetensors");
        });
        var drawn = FewshotProcess.Run("samples", "--out", folder["images"], "--train", "12", "--test", "8");
        Assert.True(drawn.ExitCode == 0, drawn.ToString());
    }

    /// <summary>120 images in ten class folders.</summary>
    public string Train => Path.Combine(folder["images"], "train");

    /// <summary>80 images in ten class folders.</summary>
    public string Test => Path.Combine(folder["images"], "test");

    public string Root => folder["images"];

    /// <summary>A vision transformer of four small blocks, hardly trained; made when it is first asked for.</summary>
    public string Transformer => transformer.Value;

    public void Dispose() => folder.Dispose();
}

/// <summary>One after another: two computing programs at once on two cores would only wait for each other.</summary>
[CollectionDefinition(Name)]
public sealed class ProgramTests : ICollectionFixture<Drawings>
{
    public const string Name = "program";
}
