namespace Fewshot.EndToEnd;

/// <summary>Images drawn once by the program itself, for every test.</summary>
public sealed class Drawings : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public Drawings()
    {
        var drawn = FewshotProcess.Run("samples", "--out", folder["images"], "--train", "12", "--test", "8");
        Assert.True(drawn.ExitCode == 0, drawn.ToString());
    }

    /// <summary>120 images in ten class folders.</summary>
    public string Train => Path.Combine(folder["images"], "train");

    /// <summary>80 images in ten class folders.</summary>
    public string Test => Path.Combine(folder["images"], "test");

    public string Root => folder["images"];

    public void Dispose() => folder.Dispose();
}

/// <summary>One after another: two computing programs at once on two cores would only wait for each other.</summary>
[CollectionDefinition(Name)]
public sealed class ProgramTests : ICollectionFixture<Drawings>
{
    public const string Name = "program";
}
