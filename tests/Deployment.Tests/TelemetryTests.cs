using System.Text;
using Fewshot.Artifacts;
using Fewshot.Artifacts.V1;
using Fewshot.Compression.V1;
using Fewshot.Finetuning.V1;
using Fewshot.Gateway.Workflows;
using Fewshot.Networks.V1;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using static Fewshot.Deployment.Tests.Manifests;
using static Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace Fewshot.Deployment.Tests;

/// <summary>What two processes tell a collector about one job.</summary>
public sealed class TelemetryTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("fewshot-telemetry-").FullName;

    private static DateTime Deadline => DateTime.UtcNow.AddSeconds(60);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [SkippableFact]
    public async Task Job_OfTwoProcesses_IsOneTraceAtTheCollector()
    {
        await using var collector = await Collector.StartAsync();
        var ports = (Gateway: ServiceProcess.FreePort(), GatewayHealth: ServiceProcess.FreePort(), Finetuner: ServiceProcess.FreePort(), FinetunerHealth: ServiceProcess.FreePort());
        using var gateway = Start("gateway", ports.Gateway, ports.GatewayHealth, collector, ("Gateway__Finetuners__0", $"http://127.0.0.1:{ports.Finetuner}"));
        using var finetuner = Start("finetuner", ports.Finetuner, ports.FinetunerHealth, collector);
        using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{ports.Gateway}");
        await ServesAsync(gateway, ports.GatewayHealth);
        await ServesAsync(finetuner, ports.FinetunerHealth);

        // It fails, at the finetuner, because that is no network; the trace is the same.
        var artifact = await UploadAsync(channel, "no network"u8.ToArray());
        var jobs = new CompressionService.CompressionServiceClient(channel);
        var job = (await jobs.StartStageAsync(
            new StartStageRequest
            {
                RequestId = "traced",
                Evaluate = new EvaluateRequest { Network = new Network { Digest = artifact }, ImageSetDigest = artifact, BatchSize = 1 },
            },
            deadline: Deadline)).Job;
        using var watch = jobs.WatchJob(new WatchJobRequest { JobId = job.Id }, deadline: Deadline);
        while (await watch.ResponseStream.MoveNext(default))
            job = watch.ResponseStream.Current.Job ?? job;
        Assert.Equal((JobState.Failed, (int)StatusCode.FailedPrecondition), (job.State, job.StatusCode));
        foreach (var process in (ServiceProcess[])[gateway, finetuner])
        {
            process.Stop();
            var (exitCode, _, errors) = await process.EndAsync();
            Assert.True(exitCode == 0, errors);
        }

        var trace = Convert.FromHexString(JobTrace.IdOf(job.Id).ToHexString());
        Assert.True(collector.Has("trace", trace, "gateway"u8.ToArray(), Encoding.UTF8.GetBytes(job.Id)));
        Assert.True(collector.Has("trace", trace, "finetuner"u8.ToArray(), "fewshot.finetuning.v1.FinetunerService/Evaluate"u8.ToArray()));
        Assert.True(collector.Has("metrics", "gateway"u8.ToArray(), "fewshot.stage.queued"u8.ToArray()));
        // The probes are not among the spans.
        Assert.False(collector.Has("trace", "grpc.health.v1.Health/Check"u8.ToArray()));
    }

    private ServiceProcess Start(string service, int port, int health, Collector collector, params (string Key, string Value)[] more)
    {
        // The names of the variables are those of the component.
        var variables = Of("local+otel").EnvironmentOf(service)
            .Where(pair => !pair.Key.StartsWith("Gateway__", StringComparison.Ordinal)).ToDictionary(StringComparer.Ordinal);
        variables["Fewshot__StateFolder"] = folder;
        variables["Fewshot__Listen"] = $"http://127.0.0.1:{port}";
        variables["Fewshot__HealthListen"] = $"http://127.0.0.1:{health}";
        variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Address;
        variables["OTEL_SERVICE_NAME"] = service;
        foreach (var (key, value) in more)
            variables[key] = value;
        return new ServiceProcess(Programs[service], variables);
    }

    private static async Task ServesAsync(ServiceProcess process, int port)
    {
        using var channel = GrpcChannel.ForAddress($"http://127.0.0.1:{port}");
        Assert.Equal(Serving, await ServiceProcess.ServesAsync(process, channel, "readiness"));
    }

    private static async Task<string> UploadAsync(GrpcChannel channel, byte[] content)
    {
        using var call = new ArtifactService.ArtifactServiceClient(channel).UploadArtifact(deadline: Deadline);
        await call.RequestStream.WriteAsync(new UploadArtifactRequest { Header = new UploadHeader { Digest = Digest.Of(content).ToString(), SizeBytes = content.Length } });
        await call.RequestStream.WriteAsync(new UploadArtifactRequest { Chunk = ByteString.CopyFrom(content) });
        await call.RequestStream.CompleteAsync();
        return (await call).Digest;
    }
}
