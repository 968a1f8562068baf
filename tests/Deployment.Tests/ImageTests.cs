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
        Assert.Equal(Manifests.Overlays, Pipelines.Select(pipeline => pipeline.Overlay).Order());
    }

    [SkippableFact]
    public void Images_Built_AreTheTwoOfTheOverlay()
    {
        foreach (var (overlay, artifacts) in Pipelines)
        {
            Assert.Equal(["fewshot-gateway", "fewshot-worker"], artifacts.Select(artifact => artifact["image"].Text).Order());
            Assert.All(artifacts, artifact =>
            {
                var target = artifact.At("docker/target").Text!;
                Assert.Equal("Dockerfile", artifact.At("docker/dockerfile").Text);
                Assert.Contains(target, DockerStages());
                Assert.Equal($"fewshot-{target}", artifact["image"].Text);
                var cuda = target == "worker" && overlay.StartsWith("gpu", StringComparison.Ordinal);
                Assert.Equal(cuda ? "true" : null, artifact.At("docker/buildArgs/TORCH_CUDA").Text);
            });
            var manifests = Of(overlay);
            Assert.All(manifests.Services, service => Assert.Equal(
                service == "gateway" ? "fewshot-gateway" : "fewshot-worker", Container(manifests["Deployment", service])["image"].Text));
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Images_OfOthers_ArePinned(string overlay)
    {
        var images = Of(overlay).Workloads.Where(workload => !Programs.ContainsKey(Name(workload)))
            .SelectMany(workload => Pod(workload)["containers"].Items.Concat(Pod(workload)["initContainers"].Items));
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
    public void Dockerfile_Programs_AreAllPublished()
    {
        var workers = Assert.Single(ServiceLoop().Matches(Dockerfile)).Groups["names"].Value.Split(' ');
        var gateway = Assert.Single(GatewayPublish().Matches(Dockerfile)).Groups["name"].Value;
        Assert.Equal(Programs.Values.Order(), workers.Append(gateway).Order());
        Assert.EndsWith(
            """ENTRYPOINT ["/bin/sh", "-c", "exec /app/Fewshot.$SERVICE \"$@\"", "worker"]""" + "\n", Dockerfile, StringComparison.Ordinal);
        Assert.Contains("\nENV SERVICE=Worker\n", Dockerfile, StringComparison.Ordinal);
    }

    /// <summary>What changes with every commit must not stand above what changes with TorchSharp's versions.</summary>
    [Fact]
    public void Dockerfile_NativeLibraries_AreALayerBelowThePrograms()
    {
        var worker = Assert.Single(Dockerfile.Split("\nFROM "), stage => stage.StartsWith("runtime AS worker\n", StringComparison.Ordinal));
        var native = worker.IndexOf("\nCOPY --from=build /out/native ", StringComparison.Ordinal);
        Assert.InRange(native, 1, worker.IndexOf("\nCOPY --from=build /out/worker ", StringComparison.Ordinal));
        Assert.Contains("mv /out/worker/*.so* /out/native/", Dockerfile, StringComparison.Ordinal);
        Assert.DoesNotContain("\nARG ", worker, StringComparison.Ordinal);
    }

    private static IEnumerable<string> DockerStages() => StageName().Matches(Dockerfile).Select(match => match.Groups["stage"].Value);

    [GeneratedRegex(@"^FROM \S+ AS (?<stage>\S+)$", RegexOptions.Multiline)]
    private static partial Regex StageName();

    [GeneratedRegex(@"^\S+ AS (runtime|gateway|worker)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex FinalStage();

    [GeneratedRegex(@"^USER (?<user>\S+)$", RegexOptions.Multiline)]
    private static partial Regex UserLine();

    [GeneratedRegex(@"&& publish (?<name>\w+) gateway ")]
    private static partial Regex GatewayPublish();

    [GeneratedRegex(@"for service in (?<names>[\w ]+); do publish \$service worker ")]
    private static partial Regex ServiceLoop();
}
