using Fewshot.ServiceDefaults;
using static Fewshot.Deployment.Tests.Manifests;

namespace Fewshot.Deployment.Tests;

/// <summary>Nothing in the clear and nothing for strangers, where more than one node is meant.</summary>
public sealed class TlsTests
{
    public static TheoryData<string> Secured => new(["s3", "gpu", "gpu-pool", "local+tls+cert-manager+keda"]);

    [SkippableTheory]
    [MemberData(nameof(Secured))]
    public void Services_All_HaveCertificatesAndTakeNobodyUnknown(string overlay)
    {
        var manifests = Of(overlay);
        Assert.All(manifests.Services, service =>
        {
            var (fewshot, gateway) = ConfigurationTests.Bind(manifests.EnvironmentOf(service));
            Assert.False(fewshot.Insecure);
            Assert.True(ListenAddress.From(fewshot).Tls);
            string?[] files = service == "gateway"
                ?
                [
                    fewshot.Certificate, fewshot.CertificateKey, fewshot.Tokens,
                    gateway.WorkerAuthority, gateway.WorkerCertificate, gateway.WorkerCertificateKey,
                ]
                : [fewshot.Certificate, fewshot.CertificateKey, fewshot.ClientAuthority];
            var deployment = manifests["Deployment", service];
            Assert.All(files, path =>
            {
                var mount = Container(deployment)["volumeMounts"].Items.Single(one => one["mountPath"].Text == Path.GetDirectoryName(path));
                Assert.True(mount["readOnly"].IsTrue);
                Assert.True(SecretOf(deployment, mount["name"].Text!).Exists);
            });
            (fewshot.Tokens, fewshot.ClientAuthority) = (null, null);
            Assert.Throws<HostOptionsException>(() => ListenAddress.From(fewshot));
        });
    }

    [SkippableTheory]
    [MemberData(nameof(Secured))]
    public void Certificates_OfCertManager_FillTheSecretsAndHaveTheNamesThatAreCalled(string overlay)
    {
        var manifests = Of(overlay);
        var certificates = manifests.OfKind("Certificate").ToDictionary(one => one.At("spec/secretName").Text!, one => one["spec"]);
        Assert.All(certificates.Values, certificate => Assert.True(manifests["Issuer", certificate.At("issuerRef/name").Text!].Exists));
        Assert.True(certificates[manifests["Issuer", "fewshot"].At("spec/ca/secretName").Text!]["isCA"].IsTrue);
        Assert.All(manifests.Services, service =>
        {
            var secret = SecretOf(manifests["Deployment", service], "tls").Text!;
            Assert.Equal("fewshot", certificates[secret].At("issuerRef/name").Text);
        });

        var worker = certificates[SecretOf(manifests["Deployment", manifests.Workers[0]], "tls").Text!];
        Assert.Equal(StagePrograms.Keys.Order(), Texts(worker["dnsNames"]).Order());
        Assert.DoesNotContain("client auth", Texts(worker["usages"]));
        var gateway = certificates[SecretOf(manifests["Deployment", "gateway"], "tls").Text!];
        Assert.Empty(((string[])["gateway", "gateway.fewshot.svc", "localhost"]).Except(Texts(gateway["dnsNames"])));
        Assert.Empty(((string[])["server auth", "client auth"]).Except(Texts(gateway["usages"])));
        foreach (var authentication in manifests.OfKind("TriggerAuthentication"))
        {
            var targets = authentication.At("spec/secretTargetRef").Items;
            Assert.Equal(
                [("caCert", "ca.crt"), ("tlsClientCert", "tls.crt"), ("tlsClientKey", "tls.key")],
                targets.Select(target => (target["parameter"].Text!, target["key"].Text!)).Order());
            Assert.All(targets, target => Assert.Contains("client auth", Texts(certificates[target["name"].Text!]["usages"])));
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Secured))]
    public void Secrets_ThatNobodyMakes_AreInTheGuide(string overlay)
    {
        var manifests = Of(overlay);
        var guide = File.ReadAllText(Path.Combine(Root, "docs/deployment.md"));
        var made = manifests.OfKind("Certificate").Select(one => one.At("spec/secretName").Text).ToArray();
        var mounted = manifests.Workloads.SelectMany(workload => Pod(workload)["volumes"].Items)
            .Select(volume => volume.At("secret/secretName").Text).OfType<string>();
        var told = mounted.Except(made).Select(secret => $"kubectl create secret generic {secret} ");
        Assert.All(told, command => Assert.Contains(command, guide, StringComparison.Ordinal));
    }

    private static Yaml SecretOf(Yaml workload, string volume) =>
        Pod(workload)["volumes"].Items.Single(one => one["name"].Text == volume).At("secret/secretName");

    private static IEnumerable<string> Texts(Yaml list) => list.Items.Select(item => item.Text!);
}
