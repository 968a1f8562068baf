using Fewshot.Gateway.Scaling;
using static Fewshot.Deployment.Tests.Manifests;

namespace Fewshot.Deployment.Tests;

/// <summary>What KEDA is told, read by the scaler that it asks.</summary>
public sealed class ScalingTests
{
    [SkippableTheory]
    [InlineData("gpu")]
    [InlineData("local+keda+otel")]
    public void ScaledObjects_Triggers_AreWhatTheGatewayAnswers(string overlay)
    {
        var manifests = Of(overlay);
        var scaled = Assert.Single(manifests.OfKind("ScaledObject"))["spec"];
        var target = scaled.At("scaleTargetRef/name").Text!;
        Assert.False(manifests["Deployment", target].At("spec/replicas").Exists);

        var trigger = Assert.Single(scaled["triggers"].Items);
        Assert.Equal("external", trigger["type"].Text);
        var metadata = trigger["metadata"].Map;
        var asked = ScaleTarget.From(new Dictionary<string, string>(metadata, StringComparer.Ordinal));
        Assert.Equal((target, 1.0), (asked.Stage, asked.StepsPerWorker));
        var port = manifests["Service", "gateway"].At("spec/ports").Items.Single()["port"].Text;
        Assert.Equal($"gateway.fewshot.svc:{port}", metadata["scalerAddress"]);

        Assert.Equal(scaled["maxReplicaCount"].Text, manifests.EnvironmentOf("gateway")["Gateway__TrialGroups"]);

        var behavior = scaled.At("advanced/horizontalPodAutoscalerConfig/behavior/scaleDown");
        Assert.Equal(600, behavior["stabilizationWindowSeconds"].Number);
        // With none the gateway would find nobody to ask: its patience ends before a node has come.
        Assert.True(scaled["minReplicaCount"].Number >= 1);
    }

    [SkippableFact]
    public void Replicas_WithoutKeda_AreOneOfEach()
    {
        var manifests = Of("local");
        Assert.All(Services.Keys, service => Assert.Equal("1", manifests["Deployment", service].At("spec/replicas").Text));
    }

    [Fact]
    public void Stages_Names_AreThoseOfTheDeployments() => Assert.Equal(Services.Keys.Where(name => name != "gateway").Order(), StageLoads.Names.Order());
}
