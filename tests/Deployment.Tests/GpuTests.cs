using static Fewshot.Deployment.Tests.Manifests;

namespace Fewshot.Deployment.Tests;

/// <summary>Which pods compute, and with what.</summary>
public sealed class GpuTests
{
    private const string Gpu = "nvidia.com/gpu";

    public static TheoryData<string> Overlays => Names;

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Workers_OfTheGpuOverlayAlone_HaveAGpuEach(string overlay)
    {
        var manifests = Of(overlay);
        var onGpu = overlay.Split('+')[0] == "gpu";
        Assert.All(manifests.Workloads, workload =>
        {
            var worker = onGpu && Services.ContainsKey(Name(workload)) && Name(workload) != "gateway";
            Assert.Equal(worker ? "1" : null, Container(workload).At("resources/limits")[Gpu].Text);
            Assert.Equal(worker, Pod(workload)["tolerations"].Items.Any(t => t["key"].Text == Gpu && t["operator"].Text == "Exists" && t["effect"].Text == "NoSchedule"));
            // A second pod beside the old one would wait for a GPU that the old one has.
            if (worker)
                Assert.Equal("0", workload.At("spec/strategy/rollingUpdate/maxSurge").Text);
        });
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Workers_SharedMemory_IsMemoryWithinTheLimit(string overlay)
    {
        var manifests = Of(overlay);
        Assert.All(Services.Keys.Where(name => name != "gateway"), service =>
        {
            var workload = manifests["Deployment", service];
            var mount = Container(workload)["volumeMounts"].Items.Single(m => m["mountPath"].Text == "/dev/shm");
            var volume = Pod(workload)["volumes"].Items.Single(v => v["name"].Text == mount["name"].Text);
            Assert.Equal("Memory", volume.At("emptyDir/medium").Text);
            Assert.True(volume.At("emptyDir/sizeLimit").Bytes <= Container(workload).At("resources/limits/memory").Bytes / 2);
        });
    }
}
