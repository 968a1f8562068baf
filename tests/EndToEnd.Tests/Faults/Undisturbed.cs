using Fewshot.Compression.V1;
using Fewshot.Histories;
using Fewshot.Imaging;

namespace Fewshot.EndToEnd;

/// <summary>The same jobs on one process that nobody disturbs: what every other run must make.</summary>
public sealed class Undisturbed : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly Lazy<FewshotProcess> server;
    private readonly Lazy<RecordingClient> client;
    private readonly Lazy<byte[]> images, evaluation;
    private readonly History history;

    public Undisturbed(Drawings drawings)
    {
        history = new History(folder["undisturbed.jsonl"]);
        server = new(() => FewshotProcess.Start("serve", "--listen", "http://127.0.0.1:0", "--state", folder["state"]));
        client = new(() => new RecordingClient(history, ServeTests.AddressOf(server.Value)));
        images = new(() => SetOf(drawings.Train, 32, classes: null));
        evaluation = new(() => SetOf(drawings.Test, 20, classes: 10));
    }

    /// <summary>A small job that uses every stage but synthesis, its artifacts uploaded; another seed is another job.</summary>
    internal async Task<CompressionSpec> SpecAsync(RecordingClient gateway, ulong seed, int trialIterations = 10, int finetuneIterations = 20) => new()
    {
        NetworkDigest = await gateway.UploadAsync(await File.ReadAllBytesAsync(Places.Network)),
        ImageSetDigest = await gateway.UploadAsync(images.Value),
        EvaluationSetDigest = await gateway.UploadAsync(evaluation.Value),
        Seed = seed,
        Compute = new Stages.V1.ComputeOptions { Threads = 1 },
        Practise = new PractiseSpec
        {
            DropCount = 2, Tau = TauSource.Macs, TrialIterations = trialIterations, Finetune = new Finetuning.V1.OptimizerSettings { Iterations = finetuneIterations },
            BatchSize = 8, LatencyRuns = 3, LatencyBatchSize = 4,
        },
    };

    /// <summary>Digest of the model that a job makes.</summary>
    internal async Task<string> ModelAsync(CompressionSpec spec)
    {
        // Its inputs are uploaded here, too.
        _ = await SpecAsync(client.Value, spec.Seed);
        var job = await client.Value.SubmitAsync($"undisturbed-{Artifacts.Digest.Of(Google.Protobuf.MessageExtensions.ToByteArray(spec)).Hex}", spec);
        var ended = await client.Value.WatchAsync(job.Id, "alone");
        Assert.True(ended.State == JobState.Succeeded, ended.ToString());
        return ended.Result.ModelDigest;
    }

    public void Dispose()
    {
        if (client.IsValueCreated)
            client.Value.Dispose();
        if (server.IsValueCreated)
            server.Value.Dispose();
        history.Dispose();
        folder.Dispose();
    }

    private static byte[] SetOf(string path, int count, int? classes)
    {
        var listed = ImageSet.FromFolder(path);
        var entries = listed.Images.Where((_, i) => i % (listed.Images.Count / count) == 0).Take(count)
            .Select(image => new ImageSetEntry(image.Name, File.ReadAllBytes(image.Path), classes is null ? null : image.Label));
        using var set = new MemoryStream();
        ImageSetFile.Write(set, new ImageSet([.. entries], classes));
        return set.ToArray();
    }
}
