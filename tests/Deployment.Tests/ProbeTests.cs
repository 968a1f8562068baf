using static Fewshot.Deployment.Tests.Manifests;

namespace Fewshot.Deployment.Tests;

/// <summary>Who asks whom whether it is well, and how long a pod has to end.</summary>
public sealed class ProbeTests
{
    public static TheoryData<string> Overlays => Names;

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Probes_Services_AskTheHealthPort(string overlay)
    {
        var manifests = Of(overlay);
        Assert.All(manifests.Services, service =>
        {
            var container = Container(manifests["Deployment", service]);
            var ports = container["ports"].Items.ToDictionary(port => port["name"].Text!, port => port["containerPort"].Number);
            Assert.Equal(["grpc", "health"], ports.Keys.Except(["silo", "scaler"]).Order());
            foreach (var asked in (string[])["startup", "liveness", "readiness"])
            {
                var probe = asked + "Probe";
                Assert.Equal(ports["health"], container.At($"{probe}/grpc/port").Number);
                Assert.Equal(asked, container.At($"{probe}/grpc/service").Text);
                Assert.Equal(["grpc"], container[probe].Keys.Where(key => key is "grpc" or "httpGet" or "tcpSocket" or "exec"));
            }

            // Loading libtorch and CUDA from a cold disk takes a while, and a new node's disk is cold.
            Assert.True(container.At("startupProbe/timeoutSeconds").Number >= 30);
            // Two minutes of silence at least: a worker that computes on all its cores answers late.
            Assert.True(container.At("livenessProbe/periodSeconds").Number * container.At("livenessProbe/failureThreshold").Number >= 120);
        });
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Probes_Others_AreThereOnPortsThatAre(string overlay) => Assert.All(Stores(overlay), workload =>
    {
        var container = Container(workload);
        var ports = container["ports"].Items.Select(port => port["name"].Text).ToArray();
        foreach (var probe in (string[])["livenessProbe", "readinessProbe"])
        {
            Assert.True(container[probe].Exists);
            foreach (var kind in (string[])["httpGet", "tcpSocket"])
            {
                if (container[probe][kind].Exists)
                    Assert.Contains(container[probe][kind]["port"].Text, ports);
            }
        }
    });

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void GracePeriod_IsALittleOverTheHostSLimit(string overlay)
    {
        var manifests = Of(overlay);
        Assert.All(manifests.Services, service =>
        {
            var workload = manifests["Deployment", service];
            var pause = Container(workload).At("lifecycle/preStop/sleep/seconds").Number;
            var limit = TimeSpan.Parse(manifests.EnvironmentOf(service)["Fewshot__ShutdownTimeout"]!, System.Globalization.CultureInfo.InvariantCulture).TotalSeconds;
            Assert.InRange(Pod(workload)["terminationGracePeriodSeconds"].Number - pause - limit, 5, 30);
        });
    }

    private static IEnumerable<Yaml> Stores(string overlay) =>
        Of(overlay).Workloads.Where(workload => !Programs.ContainsKey(Name(workload)));
}
