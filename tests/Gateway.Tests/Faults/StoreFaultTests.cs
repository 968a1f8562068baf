using System.Collections.Concurrent;
using Fewshot.Artifacts;
using Fewshot.Artifacts.S3;
using Fewshot.Compression.V1;
using Fewshot.Gateway.Cluster;
using Fewshot.Gateway.Jobs;
using Fewshot.Histories;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Storage;

namespace Fewshot.Gateway.Tests;

/// <summary>Whole jobs, by the dozen, over stores that have a bad day.</summary>
public sealed class StoreFaultTests : IDisposable
{
    private const int JobCount = 40;
    private readonly TemporaryFolder folder = new();
    private readonly HashSet<string> steps = [];
    private readonly History history;

    public StoreFaultTests() => history = new History(folder["history.jsonl"]);

    public void Dispose()
    {
        history.Dispose();
        folder.Dispose();
    }

    /// <summary>The most telling fault: it was done, and nobody knows.</summary>
    [Fact]
    public async Task Jobs_EveryTwentiethStoreCallSucceedsUnheard_EndInTheSameModels()
    {
        var unheard = new Unheard(0.05, seed: 7);
        await using var rig = new GatewayRig
        {
            Replace = services =>
            {
                Wrap<IArtifactNames>(services, inner => new UnheardNames(inner, unheard));
                Wrap<IArtifactStore>(services, inner => new UnheardArtifacts(inner, unheard));
                var records = services.Last(service => service.ServiceType == typeof(IGrainStorage));
                services.Remove(records);
                services.AddKeyedSingleton<IGrainStorage>(
                    GrainRecords.Storage,
                    (provider, key) => new UnheardRecords((IGrainStorage)records.KeyedImplementationFactory!(provider, key), unheard));
            },
        };
        await rig.StartAsync();
        await RunAsync(rig);
        Assert.True(unheard.Lost > 100, $"{unheard.Lost} of {unheard.Calls} calls were lost");
        unheard.End();
        await using var shared = new SharedStores(history, rig.Services);
        await CheckAsync(shared);
    }

    [Fact]
    public async Task Jobs_S3RefusesStallsAndCuts_EndInTheSameModels()
    {
        await using var stub = await S3Stub.StartedAsync();
        var random = new Random(11);
        var faults = new ConcurrentDictionary<string, int>();
        stub.Fault = context => DisturbAsync(stub, context, random, faults);
        await using var rig = new GatewayRig { HostDefaults = (_, options) => (options.Artifacts, options.S3Endpoint) = ("s3://bucket/prefix", stub.Location.Endpoint!.ToString()) };
        await rig.StartAsync();
        await RunAsync(rig);
        Assert.Equal(["cut", "refused", "slow", "unheard"], faults.Keys.Order());
        stub.Fault = _ => Task.FromResult(false);
        Assert.Empty(HistoryChecker.Check(history.Read()));
        Assert.Empty(stub.Uploads);
        // One object for each artifact and each name, and nothing else.
        Assert.All(stub.Objects.Where(one => !one.Key.Contains("/names/", StringComparison.Ordinal)), one => Assert.Equal(S3Stub.KeyOf(Digest.Of(one.Value)), one.Key));
    }

    private static async Task<bool> DisturbAsync(S3Stub stub, HttpContext context, Random random, ConcurrentDictionary<string, int> faults)
    {
        int drawn;
        lock (random)
            drawn = random.Next(100);
        var fault = drawn switch { < 5 => "refused", < 8 => "slow", < 12 => "cut", < 16 => "unheard", _ => "" };
        if (fault.Length > 0)
            faults.AddOrUpdate(fault, 1, (_, count) => count + 1);
        switch (fault)
        {
            case "refused":
                return await S3Stub.RefuseAsync(context, 503, "SlowDown");
            case "slow":
                await Task.Delay(100);
                return false;
            case "cut":
                context.Abort();
                return true;
            case "unheard":
                return await stub.ServeUnheardAsync(context);
            default:
                return false;
        }
    }

    private static void Wrap<T>(IServiceCollection services, Func<T, T> wrap)
        where T : class
    {
        var inner = services.Last(service => service.ServiceType == typeof(T));
        services.Remove(inner);
        services.AddSingleton(provider => wrap((T)inner.ImplementationFactory!(provider)));
    }

    /// <summary>Runs the jobs on a gateway nobody disturbs, then all at once on this one, and expects the same models.</summary>
    private async Task RunAsync(GatewayRig rig)
    {
        using var client = new RecordingClient(history, rig.Address);
        var models = new string[JobCount];
        await using (var alone = await GatewayRig.StartedAsync())
        {
            for (var i = 0; i < JobCount; i++)
                models[i] = (await alone.EndOfAsync((await alone.StartAsync($"r{i}", await SpecAsync(alone, i))).Id)).Result.ModelDigest;
            var spec = await SpecAsync(alone, 0);
            foreach (var digest in new[] { spec.NetworkDigest, spec.ImageSetDigest, spec.EvaluationSetDigest })
                await client.UploadAsync(await alone.GetAsync(digest));
            await Task.WhenAll(Enumerable.Range(0, JobCount).Select(async i =>
            {
                var job = await client.SubmitAsync($"r{i}", await SpecAsync(alone, i));
                client.Expect(job.Id, models[i], "Succeeded");
                await client.WatchAsync(job.Id, $"watcher-{i}");
                Assert.Equal(Digest.Parse(models[i]), Digest.Of(await client.DownloadAsync(models[i])));
            }));
        }

        Assert.Equal(JobCount, models.Distinct().Count());
        steps.UnionWith(client.Steps.Keys);
    }

    private static async Task<CompressionSpec> SpecAsync(GatewayRig rig, int seed)
    {
        var spec = await rig.SpecAsync();
        spec.Seed = (ulong)seed;
        return spec;
    }

    private async Task CheckAsync(SharedStores shared)
    {
        await shared.SampleAsync(steps);
        await shared.CollectAsync(steps);
        Assert.Empty(HistoryChecker.Check(history.Read()));
    }
}
