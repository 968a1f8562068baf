using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Fewshot.Deployment.Tests;

/// <summary>What kubectl makes of a folder of k8s/.</summary>
internal sealed class Manifests
{
    /// <summary>The four stages by the names that the gateway calls them by, with their programs.</summary>
    public static readonly IReadOnlyDictionary<string, string> StagePrograms = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["latency-profiler"] = "LatencyProfiler", ["image-synthesizer"] = "ImageSynthesizer", ["block-trial"] = "BlockTrial",
        ["finetuner"] = "Finetuner",
    };

    /// <summary>Everything that is deployed, by the names of their Deployments, with their programs.</summary>
    public static readonly IReadOnlyDictionary<string, string> Programs =
        new Dictionary<string, string>(StagePrograms, StringComparer.Ordinal) { ["gateway"] = "Gateway", ["worker"] = "Worker" };

    private static readonly ConcurrentDictionary<string, Lazy<Manifests>> Rendered = new(StringComparer.Ordinal);

    private Manifests(string text) => (Text, All) = (text, Yaml.Documents(text));

    public static string Root { get; } = FindRoot();

    /// <summary>The overlays of k8s/.</summary>
    public static IReadOnlyList<string> Overlays { get; } =
        [.. Directory.GetDirectories(Path.Combine(Root, "k8s/overlays")).Select(folder => Path.GetFileName(folder)).Order()];

    /// <summary>Every overlay, and some with the components that no overlay has.</summary>
    public static TheoryData<string> Names { get; } = new(
        [.. Overlays, "base", "local+otel", "local+tls+cert-manager+keda", "s3+otel", "gpu+otel+monitoring", "gpu-pool+otel+monitoring"]);

    /// <summary>As they are given to the cluster.</summary>
    public string Text { get; }

    public IReadOnlyList<Yaml> All { get; }

    public IEnumerable<Yaml> Workloads => All.Where(r => Kind(r) is "Deployment" or "StatefulSet" or "DaemonSet" or "Job" or "CronJob");

    /// <summary>Names of the Deployments of workers: a stage each, or one for all.</summary>
    public IReadOnlyList<string> Workers => OfKind("Deployment").Any(r => Name(r) == "worker") ? ["worker"] : [.. StagePrograms.Keys];

    /// <summary>Names of the Deployments of the product's own images.</summary>
    public IReadOnlyList<string> Services => ["gateway", .. Workers];

    public Yaml this[string kind, string name] => All.Single(r => Kind(r) == kind && Name(r) == name);

    public static string Kind(Yaml resource) => resource["kind"].Text!;

    public static string Name(Yaml resource) => resource.At("metadata/name").Text!;

    public static Yaml Pod(Yaml workload) => workload.At("spec/template/spec");

    public static Yaml Container(Yaml workload) => Pod(workload)["containers"].Items.Single();

    public IEnumerable<Yaml> OfKind(string kind) => All.Where(r => Kind(r) == kind);

    /// <summary>The variables that a container of one of <see cref="Services"/> gets; null for those from the Secret.</summary>
    public Dictionary<string, string?> EnvironmentOf(string service)
    {
        var container = Container(this["Deployment", service]);
        var variables = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (var source in container["envFrom"].Items)
        {
            foreach (var (key, value) in this["ConfigMap", source.At("configMapRef/name").Text!]["data"].Map)
                variables[key] = value;
        }

        foreach (var variable in container["env"].Items)
            variables[variable["name"].Text!] = variable["value"].Text;
        return variables;
    }

    /// <summary>Renders <c>OVERLAY</c> or <c>OVERLAY+COMPONENT+...</c>; skips the test where kubectl is missing or too old for components.</summary>
    public static Manifests Of(string name)
    {
        Skip.IfNot(KubectlWorks.Value, "kubectl with kustomize 4.1 or newer is not on the PATH");
        return Rendered.GetOrAdd(name, _ => new Lazy<Manifests>(() => new Manifests(Run("kustomize", FolderOf(name))))).Value;
    }

    private static Lazy<bool> KubectlWorks { get; } = new(() =>
    {
        try
        {
            var version = Yaml.Documents(Run("version", "--client", "-o", "yaml"))[0]["kustomizeVersion"].Text;
            return version is not null && Version.Parse(version.TrimStart('v').Split('-')[0]) >= new Version(4, 1);
        }
        catch (Win32Exception)
        {
            return false;
        }
    });

    private static string FolderOf(string name)
    {
        if (name == "base")
            return "k8s/base";
        var parts = name.Split('+');
        if (parts.Length == 1)
            return $"k8s/overlays/{name}";
        var folder = Directory.CreateDirectory(Path.Combine(Root, "artifacts/deployment-tests", name)).FullName;
        File.WriteAllText(Path.Combine(folder, "kustomization.yaml"), $"""
            namespace: fewshot
            resources: [../../../k8s/overlays/{parts[0]}]
            components: [{string.Join(", ", parts[1..].Select(part => $"../../../k8s/components/{part}"))}]
            """);
        return folder;
    }

    private static string Run(params string[] arguments)
    {
        using var kubectl = Process.Start(new ProcessStartInfo("kubectl", arguments)
        {
            WorkingDirectory = Root, UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var errors = kubectl.StandardError.ReadToEndAsync();
        var output = kubectl.StandardOutput.ReadToEnd();
        kubectl.WaitForExit();
        return kubectl.ExitCode == 0 ? output : throw new InvalidDataException($"kubectl {string.Join(' ', arguments)}: {errors.Result}");
    }

    private static string FindRoot([CallerFilePath] string here = "")
    {
        var folder = Path.GetDirectoryName(here);
        while (folder is not null && !File.Exists(Path.Combine(folder, "skaffold.yaml")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("The tests run outside the repository.");
    }
}
