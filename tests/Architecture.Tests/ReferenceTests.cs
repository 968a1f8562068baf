namespace Fewshot.Architecture;

/// <summary>Who may know whom.</summary>
public class ReferenceTests
{
    // Programs that serve several services in one process.
    private const string Cli = "services/Fewshot", Worker = "services/Worker";

    private static IEnumerable<Project> In(string room) =>
        Repository.Projects.Where(project => project.Folder.StartsWith(room + "/", StringComparison.Ordinal));

    [Fact]
    public void Services_References_AreLibrariesAndProtosButNoService()
    {
        var wrong = In("services").Where(project => project.Folder is not (Cli or Worker))
            .SelectMany(project => project.Closure().Where(folder => folder.StartsWith("services/", StringComparison.Ordinal)).Select(folder => $"{project.Folder} -> {folder}"));
        Assert.Empty(wrong);
    }

    [Fact]
    public void Worker_Closure_HoldsTheFourStagesButNotTheGateway() => Assert.Equal(
        ["services/BlockTrial", "services/Finetuner", "services/ImageSynthesizer", "services/LatencyProfiler"],
        Repository.Projects.Single(project => project.Folder == Worker).Closure()
            .Where(folder => folder.StartsWith("services/", StringComparison.Ordinal)).Order());

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
        var closure = Repository.Projects.Single(project => project.Folder == "services/Gateway").WithClosure();
        Assert.Empty(closure.Select(project => project.Folder).Intersect(["libs/Compute", "libs/Models", "libs/Imaging", "libs/Compression"]));
        Assert.DoesNotContain(closure.SelectMany(project => project.Packages), package => package.StartsWith("TorchSharp", StringComparison.Ordinal));
    }

    [Fact]
    public void Gateway_Assembly_ReferencesNoTensors()
    {
        var referenced = ReferencedFrom(typeof(global::Fewshot.Gateway.GatewayHost).Assembly);
        Assert.Contains("Fewshot.ServiceDefaults", referenced);
        Assert.Empty(referenced.Intersect(["TorchSharp", "Fewshot.Compute", "Fewshot.Models", "Fewshot.Imaging", "Fewshot.Compression"]));
    }

    [Theory]
    [InlineData("libs/Planning")]
    [InlineData("libs/Artifacts")]
    public void PureLibrary_References_AreNone(string folder) =>
        Assert.Empty(Repository.Projects.Single(project => project.Folder == folder).References);

    [Theory]
    [InlineData("libs/Compute")]
    [InlineData("libs/Models")]
    [InlineData("libs/Imaging")]
    [InlineData("libs/Compression")]
    public void TensorLibrary_Closure_HoldsNoRemoteCalls(string folder)
    {
        var closure = Repository.Projects.Single(project => project.Folder == folder).WithClosure();
        Assert.DoesNotContain("protos", closure.Select(project => project.Folder));
        Assert.DoesNotContain(closure.SelectMany(project => project.Packages), package => package.StartsWith("Grpc.", StringComparison.Ordinal));
    }

    [Fact]
    public void TensorLibraries_Assemblies_ReferenceNoRemoteCalls()
    {
        var referenced = ReferencedFrom(typeof(global::Fewshot.Compression.ComputeSettings).Assembly);
        Assert.Contains("TorchSharp", referenced);
        Assert.DoesNotContain(referenced, name => name.StartsWith("Grpc.", StringComparison.Ordinal) || name.StartsWith("Microsoft.AspNetCore", StringComparison.Ordinal));
    }

    [Fact]
    public void Projects_PackageVersions_AreCentral()
    {
        var wrong = Repository.Projects.Where(project => File.ReadAllText(project.Path).Contains(" Version=", StringComparison.Ordinal));
        Assert.Empty(wrong.Select(project => project.Folder));
    }

    [Fact]
    public void CentralVersions_Packages_AreAllReferenced()
    {
        var referenced = Repository.Projects.SelectMany(project => project.Packages).Concat(Repository.PackagesOf("Directory.Build.props")).ToHashSet(StringComparer.Ordinal);
        Assert.Empty(Repository.PackagesOf("Directory.Packages.props").Except(referenced));
    }

    [Fact]
    public void Solution_Projects_AreAll()
    {
        var solution = File.ReadAllText(Path.Combine(Repository.Root, "Microservices.sln")).Replace('\\', '/');
        Assert.All(Repository.Projects, project => Assert.Contains(Repository.Relative(project.Path), solution, StringComparison.Ordinal));
    }

    /// <summary>What an assembly of this product references, through other assemblies of it too.</summary>
    private static HashSet<string> ReferencedFrom(System.Reflection.Assembly assembly)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var open = new Stack<System.Reflection.Assembly>([assembly]);
        while (open.TryPop(out var next))
        {
            foreach (var name in next.GetReferencedAssemblies().Where(name => seen.Add(name.Name!) && name.Name!.StartsWith("Fewshot.", StringComparison.Ordinal)))
                open.Push(System.Reflection.Assembly.Load(name));
        }

        return seen;
    }
}
