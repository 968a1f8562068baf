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
        var workers = Services.Keys.Where(name => name != "gateway").ToArray();
        var expected = workers.Select(worker => ("gateway", worker, 5210)).ToHashSet();
        foreach (var (store, port) in new[] { ("redis", 6379), ("object-store", 7070), ("otel-collector", 4317) }.Where(store => names.Contains(store.Item1)))
            expected.UnionWith(Services.Keys.Select(service => (service, store, port)));

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
    public void Strangers_Reach_TheGatewayAlone(string overlay)
    {
        var open = Of(overlay).OfKind("NetworkPolicy").Where(policy => policy.At("spec/ingress").Items.SelectMany(rule => rule["from"].Items).Any(peer => peer["namespaceSelector"].Exists)).ToArray();
        Assert.All(open, policy => Assert.Equal("gateway", policy.At("spec/podSelector/matchLabels").Map["app.kubernetes.io/component"]));
        Assert.NotEmpty(open);
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
