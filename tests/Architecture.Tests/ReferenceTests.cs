namespace Fewshot.Architecture;

/// <summary>Who may know whom.</summary>
public class ReferenceTests
{
    private const string Host = "services/Fewshot";

    private static IEnumerable<Project> In(string room) =>
        Repository.Projects.Where(project => project.Folder.StartsWith(room + "/", StringComparison.Ordinal));

    [Fact]
    public void Services_References_AreLibrariesAndProtosButNoService()
    {
        var wrong = In("services").Where(project => project.Folder != Host)
            .SelectMany(project => project.Closure().Where(folder => folder.StartsWith("services/", StringComparison.Ordinal)).Select(folder => $"{project.Folder} -> {folder}"));
        Assert.Empty(wrong);
    }

    [Fact]
    public void Libraries_References_AreLibrariesAndProtos()
    {
        var wrong = In("libs").SelectMany(project => project.References
            .Where(folder => folder != "protos" && !folder.StartsWith("libs/", StringComparison.Ordinal)).Select(folder => $"{project.Folder} -> {folder}"));
        Assert.Empty(wrong);
    }

    [Fact]
    public void Product_References_NeverPointToTests()
    {
        var wrong = In("libs").Concat(In("services")).Where(project => project.Closure().Any(folder => folder.StartsWith("tests/", StringComparison.Ordinal)));
        Assert.Empty(wrong.Select(project => project.Folder));
    }

    [Fact]
    public void Gateway_Closure_HoldsNoTensors()
    {
        var gateway = Repository.Projects.Single(project => project.Folder == "services/Gateway");
        string[] tensors = ["libs/TorchSharp", "libs/Models", "libs/Imaging", "libs/Compression"];
        Assert.Empty(gateway.Closure().Intersect(tensors));
    }

    [Fact]
    public void Gateway_Assembly_ReferencesNoTensors()
    {
        var loaded = new HashSet<string>(StringComparer.Ordinal);
        var open = new Stack<System.Reflection.Assembly>([typeof(global::Fewshot.Gateway.GatewayHost).Assembly]);
        while (open.TryPop(out var assembly))
        {
            foreach (var name in assembly.GetReferencedAssemblies().Where(name => name.Name!.StartsWith("Fewshot.", StringComparison.Ordinal) && loaded.Add(name.Name)))
                open.Push(System.Reflection.Assembly.Load(name));
        }

        Assert.NotEmpty(loaded);
        Assert.DoesNotContain("Fewshot.TorchSharp", loaded);
        Assert.DoesNotContain("Fewshot.Models", loaded);
        Assert.DoesNotContain("Fewshot.Imaging", loaded);
    }

    [Theory]
    [InlineData("libs/Planning")]
    [InlineData("libs/Artifacts")]
    public void PureLibrary_References_AreNone(string folder) =>
        Assert.Empty(Repository.Projects.Single(project => project.Folder == folder).References);

    [Theory]
    [InlineData("libs/Models")]
    [InlineData("libs/Imaging")]
    [InlineData("libs/Compression")]
    public void TensorLibrary_Closure_HoldsNoRemoteCalls(string folder)
    {
        var closure = Repository.Projects.Single(project => project.Folder == folder).Closure();
        Assert.DoesNotContain("libs/Grpc", closure);
        Assert.DoesNotContain("protos", closure);
    }

    [Fact]
    public void Projects_PackageVersions_AreCentral()
    {
        var wrong = Repository.Projects.Where(project => File.ReadAllText(project.Path).Contains(" Version=", StringComparison.Ordinal));
        Assert.Empty(wrong.Select(project => project.Folder));
    }

    [Fact]
    public void Solution_Projects_AreAll()
    {
        var solution = File.ReadAllText(Path.Combine(Repository.Root, "Microservices.sln")).Replace('\\', '/');
        Assert.All(Repository.Projects, project => Assert.Contains(Repository.Relative(project.Path), solution, StringComparison.Ordinal));
    }
}
