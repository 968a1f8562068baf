using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Fewshot.Compression.V1;
using Fewshot.ServiceDefaults;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Fewshot.Gateway.Tests;

public sealed class TlsTests
{
    [Fact]
    public async Task Gateway_OverTls_ReachesItsOwnStagesByItsOwnCertificate()
    {
        var folder = Directory.CreateTempSubdirectory("fewshot-tls-").FullName;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=somewhere.example", key, HashAlgorithmName.SHA256)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var (certificatePath, keyPath) = (Path.Combine(folder, "c.pem"), Path.Combine(folder, "k.pem"));
        await File.WriteAllTextAsync(certificatePath, certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(keyPath, key.ExportPkcs8PrivateKeyPem());

        var builder = WebApplication.CreateSlimBuilder().AddFewshotDefaults(options =>
        {
            (options.StateFolder, options.Listen) = (folder, "https://0.0.0.0:0");
            (options.Certificate, options.CertificateKey, options.Insecure) = (certificatePath, keyPath, true);
        });
        builder.Services.AddSingleton(new FakeStages());
        builder.AddGateway();
        await using var app = builder.Build().MapFewshotDefaults().MapGateway();
        app.MapGrpcService<FakeStages.Profiler>();
        await app.StartAsync();

        var address = new UriBuilder(GatewayRig.AddressOf(app)) { Host = "127.0.0.1" }.Uri;
        using var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, given, _, _) => given?.GetCertHashString() == certificate.GetCertHashString();
        using var channel = GrpcChannel.ForAddress(address, new GrpcChannelOptions { HttpHandler = handler });
        var rig = new CompressionService.CompressionServiceClient(channel);

        var spec = new CompressionSpec { Practise = new PractiseSpec { DropCount = 99 } };
        spec.NetworkDigest = spec.ImageSetDigest = await UploadAsync(channel);
        // The refusal can only come from the network's description, which the gateway has asked itself for, over TLS.
        var error = await Assert.ThrowsAsync<RpcException>(
            () => rig.StartCompressionAsync(new StartCompressionRequest { RequestId = "r", Spec = spec }, deadline: GatewayRig.Deadline).ResponseAsync);
        Assert.Contains("from 1 to 6 can go", error.Status.Detail, StringComparison.Ordinal);
        await app.StopAsync();
        await app.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData("http://trials.example:5210", "Gateway:WorkerToken would be sent to trials.example:5210 in the clear")]
    [InlineData("trials.example:5210", "Gateway:BlockTrials: 'trials.example:5210' is not a worker address")]
    public async Task Start_TokenForAWorkerInTheClear_IsRefused(string worker, string why)
    {
        using var folder = new Artifacts.Tests.TemporaryFolder();
        var refused = await Assert.ThrowsAsync<HostOptionsException>(() => StartAsync(folder.Path, worker));
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
        await StartAsync(folder.Path, "https://trials.example:5210");
        await StartAsync(folder.Path, "http://localhost:1");
    }

    private static async Task StartAsync(string folder, string worker)
    {
        var builder = WebApplication.CreateSlimBuilder().AddFewshotDefaults(
            options => (options.StateFolder, options.Listen) = (folder, "http://127.0.0.1:0"));
        builder.AddGateway(options =>
        {
            options.BlockTrials.Add(worker);
            options.WorkerToken = "a-token";
        });
        await using var app = builder.Build().MapFewshotDefaults().MapGateway();
        await app.StartAsync();
        await app.StopAsync();
    }

    private static async Task<string> UploadAsync(GrpcChannel channel)
    {
        var content = "a network"u8.ToArray();
        var digest = Artifacts.Digest.Of(content).ToString();
        using var call = new Artifacts.V1.ArtifactService.ArtifactServiceClient(channel).UploadArtifact(deadline: GatewayRig.Deadline);
        await call.RequestStream.WriteAsync(new Artifacts.V1.UploadArtifactRequest { Header = new Artifacts.V1.UploadHeader { Digest = digest, SizeBytes = content.Length } });
        await call.RequestStream.WriteAsync(new Artifacts.V1.UploadArtifactRequest { Chunk = Google.Protobuf.ByteString.CopyFrom(content) });
        await call.RequestStream.CompleteAsync();
        return (await call).Digest;
    }
}
