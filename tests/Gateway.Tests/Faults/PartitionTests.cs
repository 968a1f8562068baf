using System.Diagnostics;
using Fewshot.Compression.V1;
using Fewshot.Histories;
using Fewshot.ServiceDefaults;
using Microsoft.AspNetCore.Builder;

namespace Fewshot.Gateway.Tests;

/// <summary>
/// Two gateways and two workers over a real Redis and an S3 server. What the first gateway, the first worker and the client call, they call through
/// links, each of which is parted in the middle of a job. The second gateway starts and the second worker begins to work just then.
/// </summary>
public sealed class PartitionTests(RedisProcess redis) : IClassFixture<RedisProcess>, IAsyncLifetime, IDisposable
{
    private static readonly TimeSpan Long = TimeSpan.FromSeconds(3);
    private readonly TemporaryFolder folder = new();
    private readonly Dictionary<string, Link> links = [];
    private readonly FakeStages first = new(), second = new();
    private readonly List<WebApplication> workers = [];
    private readonly GatewayRig rig = new(redis.Address.ToString()), other = new(redis.Address.ToString());
    private volatile bool parted;
    private History history = null!;
    private S3Stub s3 = null!;

    public async Task InitializeAsync()
    {
        await redis.CommandAsync("FLUSHALL");
        history = new History(folder["history.jsonl"]);
        s3 = await S3Stub.StartedAsync();
        var store = s3.Location.Endpoint!.Port;
        foreach (var (name, port) in new[] { ("gateway-Redis", redis.Port), ("worker-S3", store) })
            links[name] = new Link(port);
        rig.HostDefaults = (gateway, options) => Use(options, gateway ? store : links["worker-S3"].Port);
        other.HostDefaults = (_, options) => Use(options, store);
        workers.Add(await rig.StartWorkerAsync(first));
        workers.Add(await other.StartWorkerAsync(second));
        links["gateway-worker"] = new Link(PortOf(GatewayRig.AddressOf(workers[0])));
        await rig.StartAsync(options =>
        {
            Configure(options);
            options.Redis = $"redis://127.0.0.1:{links["gateway-Redis"].Port}";
        });
        links["client-gateway"] = new Link(PortOf(rig.Address));
    }

    public async Task DisposeAsync()
    {
        foreach (var link in links.Values)
            link.Heal();
        foreach (var worker in workers)
            await worker.DisposeAsync();
        await rig.DisposeAsync();
        await other.DisposeAsync();
        foreach (var link in links.Values)
            link.Dispose();
        await s3.DisposeAsync();
    }

    public void Dispose()
    {
        history.Dispose();
        folder.Dispose();
    }

    [Theory]
    [InlineData("client-gateway", false)]
    [InlineData("gateway-Redis", false)]
    [InlineData("gateway-worker", false)]
    [InlineData("worker-S3", true)]
    public async Task Link_PartedInMidJob_TheJobEndsInTheSameModel(string name, bool needsHealing)
    {
        var link = links[name];
        // Where the other gateway is slow to start, this one ends itself first.
        rig.Expect("Redis could not be reached for too long");
        using var submitting = new RecordingClient(history, Through(links["client-gateway"]));
        var (spec, model) = await UndisturbedAsync(submitting);
        var entered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var go = new ManualResetEventSlim();
        first.OnRun = second.OnRun = (stage, _) =>
        {
            if (stage != "finetune")
                return;
            entered.TrySetResult();
            Assert.True(go.Wait(TimeSpan.FromMinutes(1)));
        };
        var calls = 0;
        first.OnCall = stage => Interlocked.Add(ref calls, stage == "finetune" ? 1 : 0);
        second.OnCall = stage =>
        {
            if (!parted)
                throw new RetryLaterException("not yet", TimeSpan.FromMilliseconds(5));
            Interlocked.Add(ref calls, stage == "finetune" ? 1 : 0);
        };
        var job = await submitting.SubmitAsync("r1", spec);
        submitting.Expect(job.Id, model, "Succeeded");
        await entered.Task.WaitAsync(TimeSpan.FromMinutes(1));
        var asked = new Uri(Through(links["gateway-worker"])).ToString();
        await rig.StepNotedAsync(job.Id, step => step.Name == "finetune" && step.Worker == asked);

        link.Part();
        var clock = Stopwatch.StartNew();
        parted = true;
        await other.StartAsync(Configure);
        using var client = new RecordingClient(history, Through(links["client-gateway"]), other.Address) { Silence = TimeSpan.FromSeconds(3) };
        var ended = client.WatchAsync(job.Id, "watcher");
        // Until somebody has come upon it: the client and the workers' calls at once, the gateway when its claim has passed to the other one.
        await Poll.UntilAsync(() => Task.FromResult(name switch
        {
            "gateway-Redis" => calls > 1 || clock.Elapsed > TimeSpan.FromSeconds(25),
            "worker-S3" => true,
            _ => link.Held > 0,
        }));
        go.Set();
        if (needsHealing)
        {
            await Poll.UntilAsync(() => Task.FromResult(link.Held > 0 && clock.Elapsed > Long));
            Assert.False(ended.IsCompleted);
            link.Heal();
        }

        Assert.Equal(Compression.V1.JobState.Succeeded, (await ended).State);
        link.Heal();
        Assert.Equal(1, first.RunsOf("finetune") + second.RunsOf("finetune"));
        await using var shared = new SharedStores(history, options =>
        {
            options.StateFolder = folder["looking"];
            Use(options, s3.Location.Endpoint!.Port);
        });
        await shared.SampleAsync(client.Steps.Keys);
        Assert.Empty(HistoryChecker.Check(history.Read()));
    }

    private static int PortOf(string address) => new Uri(address).Port;

    private static string Through(Link link) => $"http://127.0.0.1:{link.Port}";

    private static void Use(FewshotOptions options, int store)
    {
        (options.Artifacts, options.S3Endpoint) = ("s3://bucket/prefix", $"http://127.0.0.1:{store}");
        options.ProgressHeartbeat = TimeSpan.FromMilliseconds(500);
    }

    private void Configure(GatewayOptions options)
    {
        (options.WorkerSilence, options.WatchHeartbeat) = (TimeSpan.FromSeconds(2), TimeSpan.FromMilliseconds(500));
        options.UnaryDeadline = TimeSpan.FromSeconds(3);
        foreach (var urls in new[] { options.LatencyProfilers, options.BlockTrials, options.Finetuners })
        {
            urls.Add(Through(links["gateway-worker"]));
            urls.Add(GatewayRig.AddressOf(workers[1]));
        }
    }

    /// <summary>A job, its artifacts uploaded, and the model that a gateway makes which nobody disturbs.</summary>
    private static async Task<(CompressionSpec Spec, string Model)> UndisturbedAsync(RecordingClient client)
    {
        await using var alone = await GatewayRig.StartedAsync();
        var spec = await alone.SpecAsync();
        foreach (var digest in new[] { spec.NetworkDigest, spec.ImageSetDigest, spec.EvaluationSetDigest })
            await client.UploadAsync(await alone.GetAsync(digest));
        return (spec, (await alone.EndOfAsync((await alone.StartAsync("r1", spec)).Id)).Result.ModelDigest);
    }
}
