namespace Fewshot.EndToEnd;

/// <summary>Where the program and its inputs are.</summary>
internal static class Places
{
    public static string Root { get; } = FindRoot();

    /// <summary>The program that was built with these tests.</summary>
    public static string Program { get; } = Path.GetFullPath(Path.Combine(
        AppContext.BaseDirectory, "..", "..", "Fewshot", Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/')), "fewshot"));

    public static string Network { get; } = Path.Combine(Root, "samples", "shapes_resnet20.safetensors");

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Microservices.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("The tests run outside the repository.");
    }
}

/// <summary>A folder that is gone after the test.</summary>
public sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("fewshot-test-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
