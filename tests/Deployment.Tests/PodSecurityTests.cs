using static Fewshot.Deployment.Tests.Manifests;

namespace Fewshot.Deployment.Tests;

/// <summary>The "restricted" Pod Security Standard, and what goes beyond it.</summary>
public sealed class PodSecurityTests
{
    private static readonly string[] Volumes = ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"];

    public static TheoryData<string> Overlays => Names;

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Pods_All_AreRestricted(string overlay)
    {
        var manifests = Of(overlay);
        Assert.All(manifests.Workloads, workload =>
        {
            var pod = Pod(workload);
            var security = pod["securityContext"];
            Assert.True(security["runAsNonRoot"].IsTrue);
            Assert.True(security["runAsUser"].Number > 0);
            Assert.Equal("RuntimeDefault", security.At("seccompProfile/type").Text);
            Assert.All((string[])["hostNetwork", "hostPID", "hostIPC", "hostUsers"], key => Assert.False(pod[key].Exists));
            Assert.All(pod["volumes"].Items, volume => Assert.Contains(volume.Keys.Single(key => key != "name"), Volumes));
            var containers = pod["containers"].Items.Concat(pod["initContainers"].Items).ToArray();
            Assert.NotEmpty(containers);
            Assert.All(containers, container =>
            {
                var own = container["securityContext"];
                Assert.True(own["allowPrivilegeEscalation"].IsFalse);
                Assert.True(own["readOnlyRootFilesystem"].IsTrue);
                Assert.Equal(["ALL"], own.At("capabilities/drop").Items.Select(item => item.Text));
                Assert.All((string[])["privileged", "runAsUser", "runAsNonRoot", "seccompProfile", "procMount"], key => Assert.False(own[key].Exists));
                Assert.False(own.At("capabilities/add").Exists);
                Assert.All(container["ports"].Items, port => Assert.False(port["hostPort"].Exists));
            });
        });
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Namespace_Enforces_Restricted(string overlay)
    {
        var manifests = Of(overlay);
        var labels = manifests["Namespace", "fewshot"].At("metadata/labels").Map;
        Assert.Equal("restricted", labels["pod-security.kubernetes.io/enforce"]);
        Assert.All(manifests.All.Where(r => Kind(r) is not ("Namespace" or "PriorityClass")), resource =>
            Assert.Equal("fewshot", resource.At("metadata/namespace").Text));
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void ServiceAccounts_Pods_HaveOneOfTheirOwnWithoutToken(string overlay)
    {
        var manifests = Of(overlay);
        Assert.All(manifests.Workloads, workload =>
        {
            Assert.Equal(Name(workload), Pod(workload)["serviceAccountName"].Text);
            Assert.True(Pod(workload)["automountServiceAccountToken"].IsFalse);
            Assert.True(manifests["ServiceAccount", Name(workload)]["automountServiceAccountToken"].IsFalse);
        });
        Assert.DoesNotContain(manifests.All, r => Kind(r) is "Role" or "ClusterRole" or "RoleBinding" or "ClusterRoleBinding" or "Secret");
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Secrets_Values_ComeFromTheSecretThatTheGuideMakes(string overlay)
    {
        var manifests = Of(overlay);
        var guide = File.ReadAllText(Path.Combine(Root, "docs/deployment.md"));
        var variables = manifests.Workloads.SelectMany(workload => Pod(workload)["containers"].Items).SelectMany(container => container["env"].Items).ToArray();
        Assert.NotEmpty(variables);
        Assert.All(variables, variable =>
        {
            var (name, source) = (variable["name"].Text!, variable.At("valueFrom/secretKeyRef"));
            if (name.Contains("PASSWORD", StringComparison.OrdinalIgnoreCase) || name.Contains("SECRET", StringComparison.Ordinal) || name.Contains("ACCESS_KEY", StringComparison.Ordinal))
                Assert.True(source.Exists, name);
            if (!source.Exists)
                return;
            Assert.Equal("fewshot", source["name"].Text);
            Assert.Contains($"--from-literal={source["key"].Text}=", guide, StringComparison.Ordinal);
        });
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Containers_MemoryAndDisk_AreLimited(string overlay) => Assert.All(
        Of(overlay).Workloads.SelectMany(workload => Pod(workload)["containers"].Items.Concat(Pod(workload)["initContainers"].Items)),
        container => Assert.All(
            (string[])["memory", "ephemeral-storage"],
            what => Assert.True(container["resources"]["requests"][what].Bytes <= container["resources"]["limits"][what].Bytes)));
}
