using static Fewshot.Deployment.Tests.Manifests;

namespace Fewshot.Deployment.Tests;

/// <summary>Which pods compute, and with what.</summary>
public sealed class GpuTests
{
    private const string Gpu = "nvidia.com/gpu";

    public static TheoryData<string> Overlays => Names;

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Workers_OfTheGpuOverlaysAlone_HaveAGpuEach(string overlay)
    {
        var manifests = Of(overlay);
        var onGpu = OnGpu(overlay);
        Assert.All(manifests.Workloads, workload =>
        {
            var worker = onGpu && manifests.Workers.Contains(Name(workload));
            Assert.Equal(worker ? "1" : null, Container(workload).At("resources/limits")[Gpu].Text);
            Assert.Equal(worker, Pod(workload)["tolerations"].Items.Any(t => t["key"].Text == Gpu && t["operator"].Text == "Exists" && t["effect"].Text == "NoSchedule"));
            // A second pod beside the old one would wait for a GPU that the old one has.
            if (worker)
                Assert.Equal("0", workload.At("spec/strategy/rollingUpdate/maxSurge").Text);
            Assert.Equal(worker ? "nvidia" : null, Pod(workload)["runtimeClassName"].Text);
        });
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Workers_OnGpus_AreOnNodesOfOneProductThatNobodyShares(string overlay)
    {
        var manifests = Of(overlay);
        Assert.All(manifests.Workers, worker =>
        {
            var terms = Pod(manifests["Deployment", worker])
                .At("affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms").Items;
            Assert.Equal(OnGpu(overlay) ? 1 : 0, terms.Count);
            if (terms is not [var term])
                return;
            var rules = term["matchExpressions"].Items
                .ToDictionary(rule => rule["key"].Text!, rule => (rule["operator"].Text, rule["values"].Items));
            Assert.Equal("In", rules["nvidia.com/gpu.product"].Text);
            Assert.Single(rules["nvidia.com/gpu.product"].Items);
            Assert.Equal("NotIn", rules["nvidia.com/gpu.sharing-strategy"].Text);
        });
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Workers_TestThemselves_OnTheirDevice(string overlay)
    {
        var manifests = Of(overlay);
        var expected = OnGpu(overlay) ? "cuda" : "cpu";
        Assert.All(manifests.Workers, worker => Assert.Equal(expected, manifests.EnvironmentOf(worker)["Fewshot__SelfTestDevice"]));
        Assert.DoesNotContain("Fewshot__SelfTestDevice", manifests.EnvironmentOf("gateway").Keys);
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Pods_Priorities_AreClassesThatAreThere(string overlay)
    {
        var manifests = Of(overlay);
        var values = manifests.OfKind("PriorityClass").ToDictionary(Name, one => one["value"].Number);
        Assert.All(manifests.Workloads.Where(workload => Name(workload) != "otel-collector"), workload =>
        {
            var expected = manifests.Workers.Contains(Name(workload)) ? "fewshot-worker" : "fewshot-service";
            Assert.Equal(expected, Pod(workload)["priorityClassName"].Text);
        });
        Assert.True(values["fewshot-service"] > values["fewshot-worker"]);
        Assert.Equal("Never", manifests["PriorityClass", "fewshot-worker"]["preemptionPolicy"].Text);
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Workers_SharedMemory_IsMemoryWithinTheLimit(string overlay)
    {
        var manifests = Of(overlay);
        Assert.All(manifests.Workers, service =>
        {
            var workload = manifests["Deployment", service];
            var mount = Container(workload)["volumeMounts"].Items.Single(m => m["mountPath"].Text == "/dev/shm");
            var volume = Pod(workload)["volumes"].Items.Single(v => v["name"].Text == mount["name"].Text);
            Assert.Equal("Memory", volume.At("emptyDir/medium").Text);
            Assert.True(volume.At("emptyDir/sizeLimit").Bytes <= Container(workload).At("resources/limits/memory").Bytes / 2);
        });
    }

    private static bool OnGpu(string overlay) => overlay.StartsWith("gpu", StringComparison.Ordinal);
}
