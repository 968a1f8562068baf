using System.Text.RegularExpressions;
using static Fewshot.Deployment.Tests.Manifests;

namespace Fewshot.Deployment.Tests;

/// <summary>What is built is what runs.</summary>
public sealed partial class ImageTests
{
    private static readonly Yaml Skaffold = Yaml.Documents(File.ReadAllText(Path.Combine(Root, "skaffold.yaml"))).Single();
    private static readonly string Dockerfile = File.ReadAllText(Path.Combine(Root, "Dockerfile"));

    public static TheoryData<string> Overlays => Names;

    /// <summary>The default of skaffold.yaml and every profile, with the artifacts they build and the overlay they deploy.</summary>
    private static IEnumerable<(string Overlay, IReadOnlyList<Yaml> Artifacts)> Pipelines => Skaffold["profiles"].Items.Prepend(Skaffold).Select(pipeline =>
    {
        var path = Assert.Single(pipeline.At("manifests/kustomize/paths").Items).Text!;
        Assert.True(File.Exists(Path.Combine(Root, path, "kustomization.yaml")), path);
        return (Path.GetFileName(path), pipeline.At("build/artifacts").Exists ? pipeline.At("build/artifacts").Items : Skaffold.At("build/artifacts").Items);
    });

    [Fact]
    public void Skaffold_Version_IsTheOneItSaysItIs()
    {
        Assert.Equal("skaffold/v4beta13", Skaffold["apiVersion"].Text);
        Assert.Equal("Config", Skaffold["kind"].Text);
        Assert.Equal(Directory.GetDirectories(Path.Combine(Root, "k8s/overlays")).Select(Path.GetFileName).Order(), Pipelines.Select(pipeline => pipeline.Overlay).Order());
    }

    [SkippableFact]
    public void Images_Built_AreTheFiveOfTheOverlay()
    {
        foreach (var (overlay, artifacts) in Pipelines)
        {
            Assert.All(artifacts, artifact =>
            {
                var name = artifact["image"].Text!;
                var (target, service) = (artifact.At("docker/target").Text!, artifact.At("docker/buildArgs/SERVICE").Text);
                Assert.Equal("Dockerfile", artifact.At("docker/dockerfile").Text);
                Assert.Contains(target, Stages());
                var folder = target == "gateway" ? "Gateway" : service!;
                Assert.True(Directory.Exists(Path.Combine(Root, "services", folder)), folder);
                Assert.Equal($"fewshot-{Services.Single(pair => pair.Value == folder).Key}", name);
                Assert.Equal(target == "gateway" ? "gateway" : "worker", target);
                if (target == "worker")
                    Assert.Equal(overlay == "gpu" ? "true" : null, artifact.At("docker/buildArgs/TORCH_CUDA").Text);
            });
            var run = Of(overlay).Workloads.Where(workload => Services.ContainsKey(Name(workload))).Select(workload => (Name(workload), Container(workload)["image"].Text!));
            Assert.Equal(Services.Keys.Select(name => (name, $"fewshot-{name}")).Order(), run.Order());
            Assert.Equal(run.Select(pod => pod.Item2).Order(), artifacts.Select(artifact => artifact["image"].Text!).Order());
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Images_OfOthers_ArePinned(string overlay)
    {
        var images = Of(overlay).Workloads.Where(workload => !Services.ContainsKey(Name(workload))).SelectMany(workload => Pod(workload)["containers"].Items.Concat(Pod(workload)["initContainers"].Items));
        Assert.All(images.Select(container => container["image"].Text!), image => Assert.Matches(@"^[a-z.]+/[a-z-]+(/[a-z-]+)*:v?\d+\.\d+", image));
    }

    [SkippableFact]
    public void Dockerfile_Images_RunAsTheUserOfThePods()
    {
        var user = Pod(Of("local")["Deployment", "gateway"]).At("securityContext/runAsUser").Text!;
        foreach (var stage in Dockerfile.Split("\nFROM ")[1..].Where(stage => FinalStage().IsMatch(stage)))
            Assert.Equal($"{user}:{user}", UserLine().Matches(stage).Select(match => match.Groups["user"].Value).LastOrDefault() ?? $"{user}:{user}");
        Assert.Contains($"--uid {user} ", Dockerfile, StringComparison.Ordinal);
        Assert.Contains("-p:TorchCuda=$TORCH_CUDA", Dockerfile, StringComparison.Ordinal);
    }

    [Fact]
    public void Dockerfile_Services_AreAllPublished()
    {
        var names = Assert.Single(ServiceLoop().Matches(Dockerfile)).Groups["names"].Value.Split(' ');
        Assert.Equal(Services.Values.Order(), names.Order());
    }

    /// <summary>Layers are kept by the arguments in force: after SERVICE, every worker would store libtorch of its own.</summary>
    [Fact]
    public void Dockerfile_NativeLibraries_AreOneLayerOfAllWorkers()
    {
        var worker = Assert.Single(Dockerfile.Split("\nFROM "), stage => stage.StartsWith("runtime AS worker\n", StringComparison.Ordinal));
        var parts = worker.Split("\nARG SERVICE\n");
        Assert.Equal(2, parts.Length);
        Assert.Contains("\nCOPY --from=build /out/native ", parts[0], StringComparison.Ordinal);
    }

    private static IEnumerable<string> Stages() => StageName().Matches(Dockerfile).Select(match => match.Groups["stage"].Value);

    [GeneratedRegex(@"^FROM \S+ AS (?<stage>\S+)$", RegexOptions.Multiline)]
    private static partial Regex StageName();

    [GeneratedRegex(@"^\S+ AS (runtime|gateway|worker)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex FinalStage();

    [GeneratedRegex(@"^USER (?<user>\S+)$", RegexOptions.Multiline)]
    private static partial Regex UserLine();

    [GeneratedRegex(@"for service in (?<names>[\w ]+); do")]
    private static partial Regex ServiceLoop();
}
