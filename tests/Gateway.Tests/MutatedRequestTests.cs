using Fewshot.Artifacts;
using Fewshot.Artifacts.V1;
using Fewshot.Compression.V1;
using Fewshot.Mutations;
using Fewshot.Stages.V1;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Health.V1;
using Keda.ExternalScaler;

namespace Fewshot.Gateway.Tests;

/// <summary>10,000 damaged or hostile requests to each of the gateway's services.</summary>
[Collection(MutatedInputs.Name)]
public sealed class MutatedRequestTests
{
    private const int Requests = 10_000;
    private static readonly string Unknown = "sha256:" + new string('0', 64);

    [Fact]
    public async Task CompressionService_Mutated_IsRefusedOrDone()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var spec = await rig.SpecAsync(practise => practise.Blocks = new BlockNames { Names = { "layer1.1", "layer2.1" } });
        var dcvit = spec.Clone();
        dcvit.Dcvit = new DcVitSpec { MacsRatio = 0.8, Training = new Trials.V1.MimicTraining { Iterations = 10 }, Candidates = { "blocks.1" } };
        dcvit.ImageSetDigest = "";
        dcvit.SyntheticImages = new Compression.V1.ImageSynthesis { Images = 4, Iterations = 2 };
        var pareto = spec.Clone();
        pareto.Pareto = new ParetoSpec { Dcvit = dcvit.Dcvit.Clone(), MacsRatios = { 0.5, 0.7 } };
        var job = await rig.EndOfAsync((await rig.StartAsync("good", spec)).Id);
        var methods = CompressionService.Descriptor.Methods.ToDictionary(method => method.Name);
        await SendAsync(
            rig, seed: 1,
            (methods["StartCompression"], new StartCompressionRequest { RequestId = "good", Spec = spec }),
            (methods["StartCompression"], new StartCompressionRequest { RequestId = "a", Spec = dcvit }),
            (methods["StartCompression"], new StartCompressionRequest { RequestId = "b", Spec = pareto }),
            (methods["StartStage"], new StartStageRequest { RequestId = "c", Trials = new Trials.V1.RunTrialsRequest { NetworkDigest = Unknown, ImageSetDigest = Unknown, Candidates = { "layer1.1" } } }),
            (methods["StartStage"], new StartStageRequest { RequestId = "d", Finetune = new Finetuning.V1.FinetuneRequest { TeacherDigest = Unknown, ImageSetDigest = Unknown } }),
            (methods["StartStage"], new StartStageRequest { RequestId = "e", Profile = new Profiling.V1.ProfileRequest { NetworkDigest = spec.NetworkDigest, BatchSize = 4 } }),
            (methods["StartStage"], new StartStageRequest { RequestId = "f", Synthesize = new ImageSynthesisRequest { NetworkDigest = Unknown, Synthesis = new Compression.V1.ImageSynthesis { Images = 4 } } }),
            (methods["GetJob"], new GetJobRequest { JobId = job.Id }),
            (methods["WatchJob"], new WatchJobRequest { JobId = job.Id, FromSequence = 3 }),
            (methods["CancelJob"], new CancelJobRequest { JobId = job.Id }),
            (methods["ListJobs"], new ListJobsRequest { PageSize = 2, PageToken = job.Id }));
        Assert.Equal(job, (await rig.Jobs.GetJobAsync(new GetJobRequest { JobId = job.Id }, deadline: GatewayRig.Deadline)).Job);
    }

    [Fact]
    public async Task ArtifactService_Mutated_IsRefusedOrDone()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var content = "some bytes of an artifact"u8.ToArray();
        var digest = await rig.PutAsync(content);
        var methods = ArtifactService.Descriptor.Methods.ToDictionary(method => method.Name);
        await SendAsync(
            rig, seed: 2,
            (methods["UploadArtifact"], new UploadArtifactRequest { Header = new UploadHeader { Digest = digest, SizeBytes = content.Length } }),
            (methods["UploadArtifact"], new UploadArtifactRequest { Chunk = ByteString.CopyFrom(content) }),
            (methods["DownloadArtifact"], new DownloadArtifactRequest { Digest = digest, Offset = 4 }),
            (methods["StatArtifact"], new StatArtifactRequest { Digest = digest }));
        Assert.Equal(content, await rig.GetAsync(digest));
        // Nothing came in but what was announced.
        Assert.All(Directory.GetFiles(Path.Combine(rig.Folder, "artifacts")), file => Assert.Equal(Path.GetFileName(file), Digest.Of(File.ReadAllBytes(file)).Hex));
    }

    [Fact]
    public async Task OtherServices_Mutated_AreRefusedOrDone()
    {
        await using var rig = await GatewayRig.StartedAsync();
        var scaled = new ScaledObjectRef { Name = "trials", Namespace = "fewshot", ScalerMetadata = { ["stage"] = "block-trial", ["targetSize"] = "1" } };
        var scaler = ExternalScaler.Descriptor.Methods.ToDictionary(method => method.Name);
        await SendAsync(
            rig, seed: 3,
            (scaler["IsActive"], scaled), (scaler["GetMetricSpec"], scaled), (scaler["GetMetrics"], new GetMetricsRequest { ScaledObjectRef = scaled, MetricName = "block-trial" }),
            (Health.Descriptor.Methods.Single(method => method.Name == "Check"), new HealthCheckRequest { Service = "stores" }),
            (StepService.Descriptor.Methods.Single(), new CancelStepRequest { StepKey = new string('a', 64) }));
    }

    private static async Task SendAsync(GatewayRig rig, int seed, params (MethodDescriptor Method, IMessage Request)[] samples)
    {
        using var calls = new MutatedCalls(rig.Address, seed);
        await calls.RunAsync(Requests, samples);
    }
}
