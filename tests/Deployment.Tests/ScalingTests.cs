using Fewshot.Gateway.Scaling;
using static Fewshot.Deployment.Tests.Manifests;

namespace Fewshot.Deployment.Tests;

/// <summary>What KEDA is told, read by the scaler that it asks.</summary>
public sealed class ScalingTests
{
    [SkippableTheory]
    [InlineData("gpu")]
    [InlineData("gpu-pool")]
    [InlineData("local+tls+cert-manager+keda")]
    public void ScaledObjects_Workers_HaveOneEachThatStartsAtZero(string overlay)
    {
        var manifests = Of(overlay);
        var targets = manifests.OfKind("ScaledObject").Select(scaled => scaled.At("spec/scaleTargetRef/name").Text!);
        Assert.Equal(manifests.Workers.Order(), targets.Order());
        Assert.All(manifests.OfKind("ScaledObject"), scaled =>
        {
            var spec = scaled["spec"];
            Assert.Equal(Name(scaled), spec.At("scaleTargetRef/name").Text);
            Assert.False(manifests["Deployment", Name(scaled)].At("spec/replicas").Exists);
            Assert.Equal(0, spec["minReplicaCount"].Number);
            Assert.InRange(spec["maxReplicaCount"].Number, 1, 8);
            Assert.Equal(600, spec.At("advanced/horizontalPodAutoscalerConfig/behavior/scaleDown/stabilizationWindowSeconds").Number);
            Assert.Equal(600, spec["cooldownPeriod"].Number);
        });
        // Jobs wait for a stage's first worker, whose node may have to start.
        Assert.Equal("00:15:00", manifests.EnvironmentOf("gateway")["Gateway__WorkerPatience"]);
        var most = manifests.OfKind("ScaledObject").Max(scaled => scaled.At("spec/maxReplicaCount").Number);
        Assert.Equal(most, ConfigurationTests.Bind(manifests.EnvironmentOf("gateway")).Gateway.TrialGroups);
    }

    [SkippableTheory]
    [InlineData("gpu")]
    [InlineData("gpu-pool")]
    public void Triggers_All_AreWhatTheGatewayAnswers(string overlay)
    {
        var manifests = Of(overlay);
        var triggers = manifests.OfKind("ScaledObject")
            .SelectMany(scaled => scaled.At("spec/triggers").Items, (scaled, trigger) => (Scaled: scaled, Trigger: trigger)).ToArray();
        Assert.Equal(StagePrograms.Keys.Order(), triggers.Select(one => one.Trigger.At("metadata/stage").Text!).Order());
        var port = manifests["Service", "gateway"].At("spec/ports").Items.Single(open => open["name"].Text == "scaler");
        Assert.All(triggers, one =>
        {
            var metadata = one.Trigger["metadata"].Map;
            Assert.Equal("external-push", one.Trigger["type"].Text);
            var asked = ScaleTarget.From(new Dictionary<string, string>(metadata, StringComparer.Ordinal));
            Assert.Equal(1.0, asked.StepsPerWorker);
            Assert.Equal($"gateway.fewshot.svc:{port["port"].Text}", metadata["scalerAddress"]);
            Assert.True(manifests["TriggerAuthentication", one.Trigger.At("authenticationRef/name").Text!].Exists);
            if (Name(one.Scaled) != "worker")
                Assert.Equal(Name(one.Scaled), asked.Stage);
        });
    }

    [SkippableFact]
    public void Pool_Size_IsTheSumOfTheStages()
    {
        var spec = Of("gpu-pool")["ScaledObject", "worker"]["spec"];
        var formula = spec.At("advanced/scalingModifiers");
        Assert.Equal(spec["triggers"].Items.Select(trigger => trigger["name"].Text), formula["formula"].Text!.Split(" + "));
        Assert.Equal(("1", "AverageValue"), (formula["target"].Text, formula["metricType"].Text));
    }

    [SkippableTheory]
    [InlineData("local")]
    [InlineData("base")]
    public void Replicas_WithoutKeda_AreOneOfEachWorker(string overlay)
    {
        var manifests = Of(overlay);
        Assert.All(manifests.Workers, worker => Assert.Equal("1", manifests["Deployment", worker].At("spec/replicas").Text));
    }

    [Fact]
    public void Stages_Names_AreThoseOfTheGateway() => Assert.Equal(StagePrograms.Keys.Order(), StageNames.All.Order());
}
