using System.Text.RegularExpressions;

namespace Fewshot.Architecture;

/// <summary>What sources are called, hold and how long they are.</summary>
public partial class SourceTests
{
    private const int UsualLines = 300;
    private const int FamilyLines = 420;
    private const int MedianBytes = 3 * 1024;
    private static readonly string[] Forbidden = ["Common", "Utils", "Helpers"];

    private static IEnumerable<string> Sources => new[] { "libs", "services", "tests" }.SelectMany(room => Repository.Files("*.cs", room));

    [Fact]
    public void Names_CatchAll_AreNone()
    {
        var folders = Sources.Concat(Repository.Projects.Select(project => project.Path)).Select(path => Repository.Relative(path));
        var wrong = folders.Where(path => path.Split('/', '.').Any(part => Forbidden.Contains(part, StringComparer.OrdinalIgnoreCase)));
        Assert.Empty(wrong);
    }

    [Fact]
    public void Types_CatchAll_AreNone() => Assert.Empty(Sources.Where(path => CatchAllType().IsMatch(File.ReadAllText(path))).Select(Repository.Relative));

    [Fact]
    public void Files_Length_IsReadable()
    {
        var wrong = Sources.Select(path => (Path: Repository.Relative(path), Lines: File.ReadLines(path).Count()))
            .Where(file => file.Lines > (file.Path.StartsWith("libs/Models/Families/", StringComparison.Ordinal) ? FamilyLines : UsualLines));
        Assert.Empty(wrong.Select(file => $"{file.Path}: {file.Lines} lines"));
    }

    [Fact]
    public void Files_MedianSize_IsSmall()
    {
        var sizes = Sources.Select(path => new FileInfo(path).Length).Order().ToArray();
        Assert.InRange(sizes[sizes.Length / 2], 1, MedianBytes);
    }

    [Fact]
    public void Programs_Statements_AreFew()
    {
        var wrong = Repository.Files("Program.cs", "services").Select(path => (Repository.Relative(path), File.ReadAllText(path).Count(c => c == ';')))
            .Where(program => program.Item2 > 15);
        Assert.Empty(wrong);
    }

    [Fact]
    public void Sources_MachinePaths_AreNone()
    {
        string[] patterns = ["*.cs", "*.csproj", "*.props", "*.proto", "*.md", "*.py", "*.sh", "*.cpp", "*.h", "*.txt", "Makefile", "fewshot", "run", "*.yaml", "*.json", "setup", "test", "demo", "make"];
        var self = Repository.Relative(Repository.Files("SourceTests.cs", "tests").Single());
        var wrong = patterns.SelectMany(pattern => Repository.Files(pattern)).Where(path => Repository.Relative(path) != self)
            .Where(path => MachinePath().IsMatch(File.ReadAllText(path))).Select(Repository.Relative);
        Assert.Empty(wrong);
    }

    [Fact]
    public void ProtoTypes_Mentions_StopAtGrpcFolders()
    {
        var wrong = Repository.Files("*.cs", "services").Concat(Repository.Files("*.cs", "libs")).Where(path => ProtoNamespace().IsMatch(File.ReadAllText(path)))
            .Select(Repository.Relative).Where(path => !path.Contains("/Grpc/", StringComparison.Ordinal) && !path.StartsWith("libs/ServiceDefaults/", StringComparison.Ordinal));
        Assert.Empty(wrong);
    }

    [Fact]
    public void Sources_UnfinishedWork_IsNone() => Assert.Empty(Sources.Concat(Repository.Files("*.proto"))
        .Where(path => !Repository.Relative(path).StartsWith("tests/Architecture.Tests/", StringComparison.Ordinal))
        .Where(path => Unfinished().IsMatch(File.ReadAllText(path))).Select(Repository.Relative));

    [Fact]
    public void GrpcClasses_Length_IsATranslation()
    {
        var wrong = Repository.Files("*GrpcService.cs", "services").Select(path => (Path: Repository.Relative(path), Lines: File.ReadLines(path).Count())).Where(file => file.Lines > 130);
        Assert.Empty(wrong);
    }

    [GeneratedRegex(@"\b(class|record|struct|interface|enum)\s+\w*(Common|Utils|Utilities|Helpers?)\b")]
    private static partial Regex CatchAllType();

    [GeneratedRegex(@"(?<![\w.:/])/(work|mnt|Users)/\w")]
    private static partial Regex MachinePath();

    [GeneratedRegex(@"\bFewshot\.\w+\.V1\b")]
    private static partial Regex ProtoNamespace();

    [GeneratedRegex(@"\b(TODO|FIXME|HACK)\b|NotImplementedException")]
    private static partial Regex Unfinished();
}
