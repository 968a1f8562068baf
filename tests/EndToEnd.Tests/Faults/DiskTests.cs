using Fewshot.Compression.V1;
using Grpc.Core;

namespace Fewshot.EndToEnd;

/// <summary>Disks that are full.</summary>
[Collection(ProgramTests.Name)]
public class DiskTests(Undisturbed undisturbed) : IClassFixture<Undisturbed>
{
    private const string RedisServer = "/usr/bin/redis-server";

    /// <summary>Workers whose caches have no room: a failure that says so, or others do their work; with room the same work goes on.</summary>
    [SkippableFact]
    public async Task Worker_CacheFull_IsSaidAndTheSameWorkGoesOnWithRoom()
    {
        Skip.IfNot(File.Exists(RedisServer), "redis-server is not installed");
        var disks = new List<SmallDisk?>();
        await using var cluster = new DisturbedCluster(undisturbed, prepare: state =>
        {
            foreach (var name in new[] { "finetuner-1", "block-trial-1" })
                disks.Add(SmallDisk.Mount(Path.Combine(state, name), kilobytes: 200));
        });
        // Unmounted before the cluster's folder goes.
        using var first = disks[0];
        using var second = disks[1];
        Skip.If(disks.Contains(null), "a small file system can be mounted by root only");
        var job = await (await cluster.StartAsync(301, states: ["Succeeded", "Failed"])).Ended;
        Assert.True(job.State == JobState.Succeeded || ((StatusCode)job.StatusCode == StatusCode.ResourceExhausted && job.StatusMessage.Contains("full", StringComparison.Ordinal)), job.ToString());
        disks.ForEach(disk => disk!.Grow(64 << 10));
        await (await cluster.StartAsync(301)).Ended;
        await cluster.CheckAsync();
    }

    /// <summary>Everything on one disk, Redis and the S3 server too, which is full for a while.</summary>
    [SkippableFact]
    public async Task Cluster_DiskFullForAWhile_TheSameWorkEndsInTheSameModel()
    {
        Skip.IfNot(File.Exists(RedisServer), "redis-server is not installed");
        SmallDisk? disk = null;
        await using var cluster = new DisturbedCluster(undisturbed, workers: 1, prepare: state => disk = SmallDisk.Mount(state, kilobytes: 64 << 10));
        using (disk)
        {
            Skip.If(disk is null, "a small file system can be mounted by root only");
            var ballast = Path.Combine(cluster.Processes.State, "ballast");
            var full = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var (_, ended) = await cluster.StartAsync(302, states: ["Succeeded", "Failed"], seen: e =>
            {
                if (e.Progress is { Stage: "trials" } && !full.Task.IsCompleted)
                {
                    Fill(ballast);
                    full.TrySetResult();
                }

                return Task.CompletedTask;
            });
            await full.Task;
            // Until somebody has met it.
            while (!ended.IsCompleted && !cluster.Processes.Processes.Keys.Any(name => Complains(cluster, name)))
                await Task.WhenAny(ended, Task.Delay(100));
            File.Delete(ballast);
            var job = await ended;
            Assert.True(job.State == JobState.Succeeded || (StatusCode)job.StatusCode is StatusCode.ResourceExhausted or StatusCode.Unavailable, job.ToString());
            await (await cluster.StartAsync(302)).Ended;
            await cluster.CheckAsync();
        }
    }

    private static bool Complains(DisturbedCluster cluster, string name)
    {
        var log = cluster.Processes.Log(name);
        return log.Contains("ENOSPC", StringComparison.Ordinal) || log.Contains("No space left", StringComparison.Ordinal) || log.Contains("MISCONF", StringComparison.Ordinal)
            || log.Contains("is full", StringComparison.Ordinal) || log.Contains("could not be", StringComparison.Ordinal);
    }

    private static void Fill(string ballast)
    {
        using var file = new FileStream(ballast, FileMode.Create, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        try
        {
            var block = new byte[4096];
            while (true)
                file.Write(block);
        }
        catch (IOException)
        {
            // Full.
        }
    }
}
