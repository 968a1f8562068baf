using static Fewshot.Deployment.Tests.Manifests;

namespace Fewshot.Deployment.Tests;

/// <summary>Names and labels that must be the same in two places.</summary>
public sealed class SelectorTests
{
    public static TheoryData<string> Overlays => Names;

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Workloads_Selectors_MatchTheirOwnPodsAlone(string overlay)
    {
        var manifests = Of(overlay);
        Assert.Equal(Services.Keys.Order(), manifests.OfKind("Deployment").Select(Name).Where(Services.ContainsKey).Order());
        Assert.All(manifests.Workloads, workload => Assert.Equal([Name(workload)], Selected(manifests, workload.At("spec/selector/matchLabels"))));
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Services_All_SelectTheWorkloadOfTheirNameAndAPortOfIt(string overlay)
    {
        var manifests = Of(overlay);
        Assert.All(manifests.OfKind("Service"), service =>
        {
            Assert.Equal([Name(service)], Selected(manifests, service.At("spec/selector")));
            var container = Container(manifests.Workloads.Single(workload => Name(workload) == Name(service)));
            Assert.All(service.At("spec/ports").Items, port =>
            {
                var target = container["ports"].Items.Single(open => open["name"].Text == port["targetPort"].Text);
                Assert.Equal(target["containerPort"].Number, port["port"].Number);
            });
        });
        // Workers are found one by one, through DNS; the gateway is not.
        Assert.All(Services.Keys, service => Assert.Equal(service == "gateway" ? null : "None", manifests["Service", service].At("spec/clusterIP").Text));
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Services_Each_HasABudgetAndIsSpread(string overlay)
    {
        var manifests = Of(overlay);
        Assert.All(Services.Keys, service =>
        {
            var budget = manifests["PodDisruptionBudget", service].At("spec");
            Assert.Equal([service], Selected(manifests, budget.At("selector/matchLabels")));
            Assert.Equal("1", budget["maxUnavailable"].Text);
            var spread = Assert.Single(Pod(manifests["Deployment", service])["topologySpreadConstraints"].Items);
            Assert.Equal([service], Selected(manifests, spread.At("labelSelector/matchLabels")));
            Assert.Equal("kubernetes.io/hostname", spread["topologyKey"].Text);
        });
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Volumes_Mounted_AreThere(string overlay)
    {
        var manifests = Of(overlay);
        Assert.All(manifests.Workloads, workload =>
        {
            var pod = Pod(workload);
            var there = pod["volumes"].Items.Select(v => v["name"].Text).Concat(workload.At("spec/volumeClaimTemplates").Items.Select(v => v.At("metadata/name").Text)).ToArray();
            var mounted = pod["containers"].Items.Concat(pod["initContainers"].Items).SelectMany(c => c["volumeMounts"].Items).Select(m => m["name"].Text).ToArray();
            Assert.Equal(there.Order(), mounted.Distinct().Order());
            foreach (var volume in pod["volumes"].Items)
            {
                if (volume.At("configMap/name").Text is { } map)
                    Assert.True(manifests["ConfigMap", map].Exists);
                if (volume.At("persistentVolumeClaim/claimName").Text is { } claim)
                    Assert.True(manifests["PersistentVolumeClaim", claim].Exists);
            }
        });
        Assert.All(Services.Keys, service => Assert.Contains(
            manifests.EnvironmentOf(service)["Fewshot__StateFolder"], Container(manifests["Deployment", service])["volumeMounts"].Items.Select(m => m["mountPath"].Text)));
    }

    private static string[] Selected(Manifests manifests, Yaml labels)
    {
        Assert.NotEmpty(labels.Map);
        return [.. manifests.Workloads.Where(workload => labels.Map.All(workload.At("spec/template/metadata/labels").Map.Contains)).Select(Name)];
    }
}
