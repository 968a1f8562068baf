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
        Assert.Equal(manifests.Services.Order(), manifests.OfKind("Deployment").Select(Name).Where(Programs.ContainsKey).Order());
        Assert.All(manifests.Workloads, workload => Assert.Equal([Name(workload)], Selected(manifests, workload.At("spec/selector/matchLabels"))));
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Services_All_SelectTheirWorkloadAndAPortOfIt(string overlay)
    {
        var manifests = Of(overlay);
        Assert.All(manifests.OfKind("Service"), service =>
        {
            // A stage's workers, which are those of all stages in a pool.
            var target = StagePrograms.ContainsKey(Name(service)) && manifests.Workers is [var pool] ? pool : Name(service);
            Assert.Equal([target], Selected(manifests, service.At("spec/selector")));
            var container = Container(manifests.Workloads.Single(workload => Name(workload) == target));
            Assert.All(service.At("spec/ports").Items, port =>
            {
                var open = container["ports"].Items.Single(one => one["name"].Text == port["targetPort"].Text);
                Assert.Equal(open["containerPort"].Number, port["port"].Number);
            });
        });
        // Workers are found one by one, through DNS; the gateway is not.
        Assert.All(StagePrograms.Keys, stage => Assert.Equal("None", manifests["Service", stage].At("spec/clusterIP").Text));
        Assert.Null(manifests["Service", "gateway"].At("spec/clusterIP").Text);
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Services_Each_HasABudgetAndIsSpread(string overlay)
    {
        var manifests = Of(overlay);
        Assert.All(manifests.Services, service =>
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
        Assert.All(manifests.Services, service => Assert.Contains(
            manifests.EnvironmentOf(service)["Fewshot__StateFolder"], Container(manifests["Deployment", service])["volumeMounts"].Items.Select(m => m["mountPath"].Text)));
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Labels_Recommended_AreOnEveryResourceAndPod(string overlay)
    {
        string[] recommended = [.. new[] { "component", "managed-by", "name", "part-of" }.Select(label => "app.kubernetes.io/" + label)];
        var labels = Of(overlay).All.Select(resource => (Name(resource), resource.At("metadata/labels")))
            .Concat(Of(overlay).Workloads.Select(workload => (Name(workload) + "'s pods", workload.At("spec/template/metadata/labels"))));
        Assert.All(labels, labeled =>
        {
            Assert.True(recommended.All(labeled.Item2.Keys.Contains), $"{labeled.Item1} lacks one of {string.Join(", ", recommended)}");
            Assert.Equal("fewshot", labeled.Item2.Map["app.kubernetes.io/part-of"]);
        });
    }

    private static string[] Selected(Manifests manifests, Yaml labels)
    {
        Assert.NotEmpty(labels.Map);
        return [.. manifests.Workloads.Where(workload => labels.Map.All(workload.At("spec/template/metadata/labels").Map.Contains)).Select(Name)];
    }
}
