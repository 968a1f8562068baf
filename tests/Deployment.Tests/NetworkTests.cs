using System.Net;
using static Fewshot.Deployment.Tests.Manifests;

namespace Fewshot.Deployment.Tests;

/// <summary>Who reaches whom, worked out from the network policies as a cluster does it.</summary>
public sealed class NetworkTests
{
    public static TheoryData<string> Overlays => Names;

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Pods_Reach_WhatTheyNeedAndNothingElse(string overlay)
    {
        var manifests = Of(overlay);
        var names = manifests.Workloads.Select(Name).ToArray();
        var expected = manifests.Workers.Select(worker => ("gateway", worker, 5210)).ToHashSet();
        foreach (var (store, port) in new[] { ("redis", 6379), ("object-store", 7070), ("otel-collector", 4317) }.Where(store => names.Contains(store.Item1)))
        {
            // The gateways alone keep their jobs in Redis.
            expected.UnionWith(manifests.Services.Where(service => store != "redis" || service == "gateway").Select(service => (service, store, port)));
        }


        var found = from source in manifests.Workloads
                    from target in manifests.Workloads
                    where Name(source) != Name(target)
                    from port in Container(target)["ports"].Items.Select(port => port["containerPort"].Number)
                    where Allows(manifests, source, "egress", "to", target, port) && Allows(manifests, target, "ingress", "from", source, port)
                    select (Name(source), Name(target), port);
        Assert.Equal(expected.Order(), found.Order());
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Default_IsToDeny(string overlay)
    {
        var policy = Of(overlay)["NetworkPolicy", "default-deny"]["spec"];
        Assert.Empty(policy["podSelector"].Keys);
        Assert.Equal(["Egress", "Ingress"], policy["policyTypes"].Items.Select(type => type.Text).Order());
        Assert.False(policy["ingress"].Exists || policy["egress"].Exists);
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Policies_WithoutRules_AreTheDefaultAlone(string overlay) => Assert.All(Of(overlay).OfKind("NetworkPolicy").Where(p => Name(p) != "default-deny"), policy =>
    {
        var types = policy.At("spec/policyTypes").Items.Select(type => type.Text!.ToLowerInvariant()).ToArray();
        Assert.All(types, type => Assert.NotEmpty(policy["spec"][type].Items));
        Assert.Equal(types.Order(), policy["spec"].Keys.Where(key => key is "ingress" or "egress").Order());
        // A rule without ports, or without peers, allows everything.
        Assert.All(types.SelectMany(type => policy["spec"][type].Items), rule =>
        {
            Assert.NotEmpty(rule["ports"].Items);
            Assert.NotEmpty(rule["to"].Items.Concat(rule["from"].Items));
        });
    });

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void OtherNamespaces_Reach_WhatIsMeantForThem(string overlay)
    {
        var manifests = Of(overlay);
        var found = from policy in manifests.OfKind("NetworkPolicy")
                    from rule in policy.At("spec/ingress").Items
                    from peer in rule["from"].Items
                    where peer["namespaceSelector"].Exists
                    from port in rule["ports"].Items
                    let label = Assert.Single(peer.At("namespaceSelector/matchLabels").Map)
                    let target = Assert.Single(policy.At("spec/podSelector/matchLabels").Map)
                    select (label.Key, label.Value, target.Value, port["port"].Number);
        List<(string, string, string, int)> expected = [("fewshot-client", "true", "gateway", 5210)];
        if (manifests.OfKind("ScaledObject").Any())
            expected.Add(("kubernetes.io/metadata.name", "keda", "gateway", 7401));
        if (manifests.OfKind("ServiceMonitor").Any())
            expected.Add(("kubernetes.io/metadata.name", "monitoring", "otel-collector", 8889));
        Assert.Equal(expected.Order(), found.Order());
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Silos_OfGateways_ReachEachOther(string overlay)
    {
        var manifests = Of(overlay);
        var gateway = manifests["Deployment", "gateway"];
        var port = Container(gateway)["ports"].Items.Single(port => port["name"].Text == "silo")["containerPort"].Number;
        Assert.True(Allows(manifests, gateway, "egress", "to", gateway, port));
        Assert.True(Allows(manifests, gateway, "ingress", "from", gateway, port));
        var workers = manifests.Workers.Select(worker => manifests["Deployment", worker]);
        Assert.All(workers, worker => Assert.False(Allows(manifests, gateway, "ingress", "from", worker, port)));
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Dns_IsReached_ByLabelOrOnItsNode(string overlay)
    {
        var spec = Of(overlay)["NetworkPolicy", "dns"]["spec"];
        Assert.Empty(spec["podSelector"].Keys);
        var rule = Assert.Single(spec["egress"].Items);
        Assert.Equal([("TCP", 53), ("UDP", 53)], rule["ports"].Items.Select(port => (port["protocol"].Text!, port["port"].Number)).Order());
        var pods = Assert.Single(rule["to"].Items, peer => peer["podSelector"].Exists);
        Assert.Equal("kube-system", pods.At("namespaceSelector/matchLabels").Map["kubernetes.io/metadata.name"]);
        var labels = Assert.Single(pods.At("podSelector/matchExpressions").Items);
        Assert.Equal(("k8s-app", "In"), (labels["key"].Text, labels["operator"].Text));
        Assert.Equal(["kube-dns", "node-local-dns"], labels["values"].Items.Select(value => value.Text));
        Assert.Equal("169.254.20.10/32", Assert.Single(rule["to"].Items, peer => peer["ipBlock"].Exists).At("ipBlock/cidr").Text);
    }

    [SkippableTheory]
    [InlineData("52.219.170.9", 443, true)] // S3, through a gateway endpoint or the internet
    [InlineData("10.0.12.34", 443, true)] // an interface endpoint
    [InlineData("192.168.7.8", 443, true)]
    [InlineData("169.254.170.23", 80, true)] // EKS Pod Identity's agent
    [InlineData("169.254.169.254", 80, false)] // the instance's metadata
    [InlineData("169.254.169.254", 443, false)]
    [InlineData("52.219.170.9", 80, false)]
    [InlineData("10.0.12.34", 6443, false)]
    public void Addresses_OutsideTheCluster_AreThoseOfS3AndItsCredentials(string address, int port, bool reached)
    {
        var manifests = Of("s3");
        var services = manifests.Services.Select(service => manifests["Deployment", service]);
        Assert.All(services, service => Assert.Equal(reached, AllowsAddress(manifests, service, IPAddress.Parse(address), port)));
        Assert.False(AllowsAddress(manifests, manifests["StatefulSet", "redis"], IPAddress.Parse(address), port));
        Assert.False(AllowsAddress(Of("gpu"), Of("gpu")["Deployment", "gateway"], IPAddress.Parse(address), port));
    }

    private static bool AllowsAddress(Manifests manifests, Yaml subject, IPAddress address, int port)
    {
        return manifests.OfKind("NetworkPolicy").Where(policy => Matches(policy.At("spec/podSelector"), subject))
            .SelectMany(policy => policy.At("spec/egress").Items)
            .Where(rule => rule["ports"].Items.Any(open => open["port"].Number == port))
            .SelectMany(rule => rule["to"].Items.Select(peer => peer["ipBlock"]))
            .Any(block => block.Exists && Contains(block["cidr"]) && !block["except"].Items.Any(Contains));

        bool Contains(Yaml range) => IPNetwork.Parse(range.Text!).Contains(address);
    }

    private static bool Allows(Manifests manifests, Yaml subject, string direction, string peers, Yaml peer, int port) =>
        manifests.OfKind("NetworkPolicy").Where(policy => Matches(policy.At("spec/podSelector"), subject)).SelectMany(policy => policy["spec"][direction].Items)
            .Any(rule => rule["ports"].Items.Any(open => open["port"].Number == port)
                && rule[peers].Items.Any(one => !one["namespaceSelector"].Exists && one["podSelector"].Exists && Matches(one["podSelector"], peer)));

    private static bool Matches(Yaml selector, Yaml workload)
    {
        var labels = workload.At("spec/template/metadata/labels").Map;
        return selector["matchLabels"].Map.All(labels.Contains) && selector["matchExpressions"].Items.All(expression =>
            expression["operator"].Text == "In" && expression["values"].Items.Any(value => value.Text == labels.GetValueOrDefault(expression["key"].Text!)));
    }
}
