using Fewshot.Gateway;
using Fewshot.ServiceDefaults;
using Microsoft.Extensions.Configuration;
using static Fewshot.Deployment.Tests.Manifests;

namespace Fewshot.Deployment.Tests;

/// <summary>The pods' variables against the option classes of the services that read them.</summary>
public sealed class ConfigurationTests
{
    public static TheoryData<string> Overlays => Names;

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Variables_Services_AreOptionsTheyHave(string overlay)
    {
        var manifests = Of(overlay);
        foreach (var service in manifests.Services)
        {
            var variables = manifests.EnvironmentOf(service);
            var (fewshot, gateway) = Bind(variables);
            Assert.All(variables.Keys, key => Assert.Contains(key.Split("__")[0], (string[])["Fewshot", .. service == "gateway" ? ["Gateway"] : Array.Empty<string>(), .. Foreign]));

            var listen = ListenAddress.From(fewshot);
            var health = ListenAddress.HealthFrom(fewshot)!;
            var ports = Container(manifests["Deployment", service])["ports"].Items.ToDictionary(port => port["name"].Text!, port => port["containerPort"].Number);
            Assert.Equal((ports["grpc"], ports["health"]), (listen.Port, health.Port));
            Assert.Equal((System.Net.IPAddress.Any, System.Net.IPAddress.Any), (listen.Address, health.Address));
            Assert.Equal(service is "gateway" or "worker" ? null : Programs[service], variables.GetValueOrDefault("SERVICE"));
            if (service != "gateway")
                continue;
            Assert.Equal(gateway.ScalerListen is null ? [] : [7401], ports.Where(port => port.Key == "scaler").Select(port => port.Value));
            string[] addresses = [.. gateway.LatencyProfilers, .. gateway.ImageSynthesizers, .. gateway.BlockTrials, .. gateway.Finetuners];
            Assert.Equal(["latency-profiler", "image-synthesizer", "block-trial", "finetuner"], addresses.Select(address => new Uri(address).Host));
            Assert.All(addresses, address =>
            {
                var port = manifests["Service", new Uri(address).Host].At("spec/ports").Items.Single();
                Assert.Equal(port["port"].Number, new Uri(address).Port);
                var (scheme, protocol) = listen.Tls ? ("https", "https") : ("http", "kubernetes.io/h2c");
                Assert.Equal((scheme, protocol), (new Uri(address).Scheme, port["appProtocol"].Text));
            });
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Stores_Addresses_AreServicesOfTheOverlay(string overlay)
    {
        var manifests = Of(overlay);
        var variables = manifests.EnvironmentOf("gateway");
        foreach (var key in (string[])["Gateway__Redis", "Fewshot__S3Endpoint"])
        {
            if (!Uri.TryCreate(variables.GetValueOrDefault(key), UriKind.Absolute, out var address))
                continue;
            Assert.Equal(manifests["Service", address.Host].At("spec/ports").Items.Single()["port"].Number, address.Port);
        }

        Assert.Equal(variables.ContainsKey("Fewshot__S3Endpoint"), manifests.All.Any(r => Name(r) == "object-store"));
        Assert.Equal(variables.ContainsKey("Gateway__Redis"), manifests.All.Any(r => Name(r) == "redis"));
        // The bucket of the store in the cluster is the folder that it makes.
        if (variables.ContainsKey("Fewshot__S3Endpoint"))
        {
            var made = Pod(manifests["StatefulSet", "object-store"])["initContainers"].Items.Single()["command"].Items[^1].Text!;
            Assert.Equal("s3://" + Path.GetFileName(made), variables["Fewshot__Artifacts"]);
            Assert.Equal(Path.GetDirectoryName(made), Container(manifests["StatefulSet", "object-store"])["env"].Items.Single(e => e["name"].Text == "VGW_BACKEND_ARGS")["value"].Text);
        }

    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Cache_OfRemoteArtifacts_FitsIntoThePodSShareOfItsNode(string overlay)
    {
        var manifests = Of(overlay);
        Assert.All(manifests.Services.Where(service => manifests.EnvironmentOf(service)["Fewshot__Artifacts"] != "files"), service =>
        {
            // What is cached, as much again in the making, and /tmp.
            var cache = 2 * Bind(manifests.EnvironmentOf(service)).Fewshot.CacheBytes;
            var volumes = Pod(manifests["Deployment", service])["volumes"].Items
                .ToDictionary(volume => volume["name"].Text!, volume => volume.At("emptyDir/sizeLimit"));
            var resources = Container(manifests["Deployment", service])["resources"];
            Assert.True(volumes["state"].Bytes >= cache);
            Assert.True(resources.At("requests/ephemeral-storage").Bytes >= cache + volumes["tmp"].Bytes);
            Assert.True(resources.At("limits/ephemeral-storage").Bytes >= volumes["state"].Bytes + volumes["tmp"].Bytes);
        });
    }

    [Fact]
    public void Bind_MisspeltKey_IsRefused() =>
        Assert.Throws<InvalidOperationException>(() => Bind(new Dictionary<string, string?>(StringComparer.Ordinal) { ["Fewshot__Listn"] = "http://127.0.0.1:1" }));

    // Read by the image's entry point, and by the SDKs of S3 and OpenTelemetry.
    private static readonly string[] Foreign =
    [
        "SERVICE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SERVICE_NAME",
        "OTEL_RESOURCE_ATTRIBUTES", "POD_NAME", "Logging",
    ];

    /// <summary>Binds as the hosts do, but refuses keys that no option has.</summary>
    internal static (FewshotOptions Fewshot, GatewayOptions Gateway) Bind(Dictionary<string, string?> variables)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(variables.Select(pair => KeyValuePair.Create(pair.Key.Replace("__", ":", StringComparison.Ordinal), (string?)(pair.Value ?? "secret")))).Build();
        var (fewshot, gateway) = (new FewshotOptions(), new GatewayOptions());
        configuration.GetSection(FewshotOptions.Section).Bind(fewshot, binder => binder.ErrorOnUnknownConfiguration = true);
        configuration.GetSection(GatewayOptions.Section).Bind(gateway, binder => binder.ErrorOnUnknownConfiguration = true);
        return (fewshot, gateway);
    }
}
