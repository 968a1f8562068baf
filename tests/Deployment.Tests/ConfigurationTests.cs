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
        foreach (var service in Services.Keys)
        {
            var variables = manifests.EnvironmentOf(service);
            var (fewshot, gateway) = Bind(variables);
            Assert.All(variables.Keys, key => Assert.Contains(key.Split("__")[0], (string[])["Fewshot", .. service == "gateway" ? ["Gateway"] : Array.Empty<string>(), .. Foreign]));

            var listen = ListenAddress.From(fewshot);
            var health = ListenAddress.HealthFrom(fewshot)!;
            var ports = Container(manifests["Deployment", service])["ports"].Items.ToDictionary(port => port["name"].Text!, port => port["containerPort"].Number);
            Assert.Equal((ports["grpc"], ports["health"]), (listen.Port, health.Port));
            Assert.Equal((System.Net.IPAddress.Any, System.Net.IPAddress.Any), (listen.Address, health.Address));
            if (service != "gateway")
                continue;
            string[] addresses = [.. gateway.LatencyProfilers, .. gateway.ImageSynthesizers, .. gateway.BlockTrials, .. gateway.Finetuners];
            Assert.Equal(["latency-profiler", "image-synthesizer", "block-trial", "finetuner"], addresses.Select(address => new Uri(address).Host));
            Assert.All(addresses, address => Assert.Equal(manifests["Service", new Uri(address).Host].At("spec/ports").Items.Single()["port"].Number, new Uri(address).Port));
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Overlays))]
    public void Stores_Addresses_AreServicesOfTheOverlay(string overlay)
    {
        var manifests = Of(overlay);
        var variables = manifests.EnvironmentOf("block-trial");
        foreach (var key in (string[])["Fewshot__Ledger", "Fewshot__S3Endpoint"])
        {
            if (!Uri.TryCreate(variables.GetValueOrDefault(key), UriKind.Absolute, out var address))
                continue;
            Assert.Equal(manifests["Service", address.Host].At("spec/ports").Items.Single()["port"].Number, address.Port);
        }

        Assert.Equal(variables.ContainsKey("Fewshot__S3Endpoint"), manifests.All.Any(r => Name(r) == "object-store"));
        Assert.Equal(variables["Fewshot__Ledger"]!.StartsWith("redis:", StringComparison.Ordinal), manifests.All.Any(r => Name(r) == "redis"));
        // The bucket of the store in the cluster is the folder that it makes.
        if (variables.ContainsKey("Fewshot__S3Endpoint"))
        {
            var made = Pod(manifests["StatefulSet", "object-store"])["initContainers"].Items.Single()["command"].Items[^1].Text!;
            Assert.Equal("s3://" + Path.GetFileName(made), variables["Fewshot__Artifacts"]);
            Assert.Equal(Path.GetDirectoryName(made), Container(manifests["StatefulSet", "object-store"])["env"].Items.Single(e => e["name"].Text == "VGW_BACKEND_ARGS")["value"].Text);
        }

        // What is cached of remote artifacts, and as much again in the making, fits into the pod's share.
        if (variables.TryGetValue("Fewshot__CacheBytes", out var cache))
        {
            Assert.All(Services.Keys, service => Assert.True(
                Pod(manifests["Deployment", service])["volumes"].Items.Single(v => v["name"].Text == "state").At("emptyDir/sizeLimit").Bytes
                >= 2 * double.Parse(cache!, System.Globalization.CultureInfo.InvariantCulture)));
        }
    }

    [SkippableFact]
    public void Tls_Gateway_HasCertificateAndTokensOfSecretsAndTakesNobodyElse()
    {
        var manifests = Of("s3+tls");
        var (fewshot, _) = Bind(manifests.EnvironmentOf("gateway"));
        Assert.False(fewshot.Insecure);
        Assert.True(ListenAddress.From(fewshot).Tls);
        var deployment = manifests["Deployment", "gateway"];
        foreach (var path in (string?[])[fewshot.Certificate, fewshot.CertificateKey, fewshot.Tokens])
        {
            var mount = Container(deployment)["volumeMounts"].Items.Single(mount => mount["mountPath"].Text == Path.GetDirectoryName(path));
            Assert.True(Pod(deployment)["volumes"].Items.Single(volume => volume["name"].Text == mount["name"].Text)["secret"].Exists);
        }

        fewshot.Tokens = null;
        Assert.Throws<HostOptionsException>(() => ListenAddress.From(fewshot));
    }

    [Fact]
    public void Bind_MisspeltKey_IsRefused() =>
        Assert.Throws<InvalidOperationException>(() => Bind(new Dictionary<string, string?>(StringComparer.Ordinal) { ["Fewshot__Listn"] = "http://127.0.0.1:1" }));

    // Read by the SDKs of S3 and OpenTelemetry.
    private static readonly string[] Foreign =
        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "POD_NAME", "Logging"];

    /// <summary>Binds as the hosts do, but refuses keys that no option has.</summary>
    private static (FewshotOptions Fewshot, GatewayOptions Gateway) Bind(Dictionary<string, string?> variables)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(variables.Select(pair => KeyValuePair.Create(pair.Key.Replace("__", ":", StringComparison.Ordinal), (string?)(pair.Value ?? "secret")))).Build();
        var (fewshot, gateway) = (new FewshotOptions(), new GatewayOptions());
        configuration.GetSection(FewshotOptions.Section).Bind(fewshot, binder => binder.ErrorOnUnknownConfiguration = true);
        configuration.GetSection(GatewayOptions.Section).Bind(gateway, binder => binder.ErrorOnUnknownConfiguration = true);
        return (fewshot, gateway);
    }
}
