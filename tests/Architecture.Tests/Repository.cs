using System.Runtime.CompilerServices;
using System.Xml.Linq;

namespace Fewshot.Architecture;

/// <summary>The sources as they lie in the repository.</summary>
internal static class Repository
{
    private static readonly string[] Skipped = ["artifacts", "out", "bin", "obj", ".git", "node_modules", "__pycache__", "TestResults"];

    public static string Root { get; } = FindRoot();

    /// <summary>Every product and test project, by its folder (<c>libs/Models</c>).</summary>
    public static IReadOnlyList<Project> Projects { get; } =
        [.. Files("*.csproj").Select(path => new Project(path)).OrderBy(project => project.Folder, StringComparer.Ordinal)];

    public static IEnumerable<string> Files(string pattern, string folder = "") => Walk(Path.Combine(Root, folder), pattern);

    /// <summary>Packages that a file of the repository's root names, with or without a version.</summary>
    public static IEnumerable<string> PackagesOf(string file) => XDocument.Load(Path.Combine(Root, file)).Descendants()
        .Where(element => element.Name.LocalName is "PackageVersion" or "PackageReference").Select(element => element.Attribute("Include")!.Value);

    public static string Relative(string path) => Path.GetRelativePath(Root, path).Replace('\\', '/');

    private static IEnumerable<string> Walk(string folder, string pattern)
    {
        if (!Directory.Exists(folder)) yield break;
        foreach (var file in Directory.EnumerateFiles(folder, pattern))
            yield return file;
        foreach (var child in Directory.EnumerateDirectories(folder).Where(child => !Skipped.Contains(Path.GetFileName(child))))
        {
            foreach (var file in Walk(child, pattern))
                yield return file;
        }
    }

    private static string FindRoot([CallerFilePath] string here = "")
    {
        var folder = Path.GetDirectoryName(here);
        if (folder is null || !Directory.Exists(folder)) folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Microservices.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("The tests run outside the repository.");
    }
}

/// <summary>A project file.</summary>
internal sealed class Project(string path)
{
    private readonly XDocument content = XDocument.Load(path);

    public string Path { get; } = path;

    public string Folder { get; } = Repository.Relative(System.IO.Path.GetDirectoryName(path)!);

    public string Name => System.IO.Path.GetFileNameWithoutExtension(Path);

    /// <summary>Folders of the projects it references.</summary>
    public IReadOnlyList<string> References =>
        [.. content.Descendants("ProjectReference").Select(reference => Repository.Relative(System.IO.Path.GetDirectoryName(
            System.IO.Path.GetFullPath(System.IO.Path.Combine(System.IO.Path.GetDirectoryName(Path)!, reference.Attribute("Include")!.Value)))!))];

    public IReadOnlyList<string> Packages => [.. content.Descendants("PackageReference").Select(package => package.Attribute("Include")!.Value)];

    /// <summary>Folders of every project it depends on, directly or not.</summary>
    public IReadOnlySet<string> Closure()
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var open = new Stack<string>(References);
        while (open.TryPop(out var folder))
        {
            if (seen.Add(folder))
                Repository.Projects.Where(project => project.Folder == folder).SelectMany(project => project.References).ToList().ForEach(open.Push);
        }

        return seen;
    }

    /// <summary>It and every project it depends on.</summary>
    public IReadOnlyList<Project> WithClosure() => [this, .. Repository.Projects.Where(project => Closure().Contains(project.Folder))];
}
