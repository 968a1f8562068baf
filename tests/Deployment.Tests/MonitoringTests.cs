using System.Diagnostics.Metrics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Fewshot.Gateway;
using Fewshot.Gateway.Scaling;
using Fewshot.ServiceDefaults;
using static Fewshot.Deployment.Tests.Manifests;

namespace Fewshot.Deployment.Tests;

/// <summary>Alerts and the dashboard ask for what the services export.</summary>
public sealed partial class MonitoringTests
{
    private const string Overlay = "gpu+otel+monitoring";

    [SkippableFact]
    public void Queries_Metrics_AreExported()
    {
        var manifests = Of(Overlay);
        using var dashboard = JsonDocument.Parse(manifests["ConfigMap", "fewshot-dashboard"].At("data/fewshot.json").Text!);
        var panels = dashboard.RootElement.GetProperty("panels").EnumerateArray()
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray())
            .Select(target => target.GetProperty("expr").GetString()!).ToArray();
        var alerts = Rules(manifests).Select(rule => rule["expr"].Text!).ToArray();
        Assert.NotEmpty(panels);
        Assert.NotEmpty(alerts);
        var exported = Exported();
        var asked = panels.Concat(alerts).SelectMany(query => MetricName().Matches(query)).Select(match => match.Value).ToHashSet();
        Assert.Contains("fewshot_stage_queued", asked);
        Assert.Empty(asked.Except(exported));
    }

    [SkippableFact]
    public void Alerts_All_SayWhatToDo() => Assert.All(Rules(Of(Overlay)), rule =>
    {
        Assert.StartsWith("Fewshot", rule["alert"].Text, StringComparison.Ordinal);
        Assert.Contains(rule.At("labels/severity").Text, (string[])["warning", "critical"]);
        Assert.True(rule.At("annotations/summary").Exists && rule.At("annotations/description").Exists);
    });

    [SkippableFact]
    public void ServiceMonitor_Scrapes_ThePortThatTheCollectorServesMetricsOn()
    {
        var manifests = Of(Overlay);
        var monitor = manifests["ServiceMonitor", "fewshot"]["spec"];
        var endpoint = Assert.Single(monitor["endpoints"].Items);
        var service = manifests["Service", "otel-collector"];
        Assert.Equal("otel-collector", service.At("metadata/labels").Map["app.kubernetes.io/name"]);
        Assert.Equal("otel-collector", monitor.At("selector/matchLabels").Map["app.kubernetes.io/name"]);
        var port = service.At("spec/ports").Items.Single(port => port["name"].Text == endpoint["port"].Text)["port"].Number;
        var map = Pod(manifests["Deployment", "otel-collector"])["volumes"].Items.Single()["configMap"]["name"].Text!;
        var configuration = Yaml.Documents(manifests["ConfigMap", map].At("data/config.yaml").Text!).Single();
        Assert.Equal($"0.0.0.0:{port}", configuration.At("exporters/prometheus/endpoint").Text);
        Assert.Equal(["prometheus"], configuration.At("service/pipelines/metrics/exporters").Items.Select(item => item.Text));
    }

    private static IReadOnlyList<Yaml> Rules(Manifests manifests) =>
        Assert.Single(manifests["PrometheusRule", "fewshot"].At("spec/groups").Items)["rules"].Items;

    /// <summary>The names that the collector gives the instruments of the product and of the runtime.</summary>
    private static HashSet<string> Exported()
    {
        using var metrics = new GatewayMetrics();
        _ = Telemetry.Source;
        var names = new HashSet<string>(StringComparer.Ordinal);
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Name is not (Telemetry.Name or "System.Runtime"))
                    return;
                var unit = instrument.Unit switch
                {
                    "s" => "_seconds",
                    "By" => "_bytes",
                    _ => "",
                };
                var name = instrument.Name.Replace('.', '_') + unit;
                names.Add(name + instrument.GetType().Name.Split('`')[0] switch
                {
                    "Histogram" => "_bucket",
                    "Counter" or "ObservableCounter" => "_total",
                    _ => "",
                });
            },
        };
        listener.Start();
        return names;
    }

    [GeneratedRegex(@"\b(?:fewshot|dotnet)_\w+")]
    private static partial Regex MetricName();
}
