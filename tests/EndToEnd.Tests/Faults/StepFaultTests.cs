using Fewshot.Artifacts;
using Fewshot.Compression.V1;
using Fewshot.Histories;

namespace Fewshot.EndToEnd;

/// <summary>Steps that are handed back, cancelled, kill their worker, or whose stored things rot, on one cluster.</summary>
[Collection(ProgramTests.Name)]
public class StepFaultTests(Undisturbed undisturbed) : IClassFixture<Undisturbed>
{
    private const string RedisServer = "/usr/bin/redis-server";

    [SkippableFact]
    public async Task Cluster_StepsAreDisturbed_LosesNothing()
    {
        Skip.IfNot(File.Exists(RedisServer), "redis-server is not installed");
        await using var cluster = new DisturbedCluster(undisturbed);
        await RecordAndCopiesAreDamagedAsync(cluster);
        await InputIsDamagedAsync(cluster);
        await FinetunerIsReplacedAsync(cluster);
        await JobsAreCancelledAsync(cluster);
        await StepKillsEveryWorkerAsync(cluster);
        await cluster.CheckAsync();
    }

    /// <summary>SIGTERM: the worker writes a checkpoint and hands back; the next one goes on where it was.</summary>
    private static async Task FinetunerIsReplacedAsync(DisturbedCluster cluster)
    {
        var (before, after, replaced) = (0L, (long?)null, false);
        var key = "";
        var (_, ended) = await cluster.StartAsync(201, finetuneIterations: 120, seen: e =>
        {
            if (e.Step is { Name: "finetune" } step)
                key = step.Key;
            if (e.Progress is not { Stage: "finetune" } progress)
                return Task.CompletedTask;
            if (replaced && progress.Completed > 0)
                after ??= progress.Completed;
            if (!replaced && progress.Completed is >= 20 and < 100)
            {
                replaced = true;
                before = progress.Completed;
                cluster.Processes.Replace(RunnerOf(cluster, key));
            }

            return Task.CompletedTask;
        });
        await ended;
        Assert.True(replaced, "the finetuning was over before its worker was replaced");
        // Progress is told twice a second; what it tells first afterwards is no earlier than what was told last.
        Assert.True(after is null || after >= before, $"{before} iterations were done, it went on from before {after}");
    }

    /// <summary>The same work again and again, cancelled at another moment each time, ends where nobody cancels it.</summary>
    private static async Task JobsAreCancelledAsync(DisturbedCluster cluster)
    {
        var random = new Random(2);
        for (var round = 0; round < 5; round++)
        {
            var left = random.Next(1, 12);
            var cancel = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var (job, ended) = await cluster.StartAsync(202, states: ["Cancelled", "Succeeded"], seen: _ =>
            {
                if (--left == 0)
                    cancel.TrySetResult();
                return Task.CompletedTask;
            });
            if (await Task.WhenAny(cancel.Task, ended) == cancel.Task)
                await cluster.Client.CancelAsync(job.Id);
            await ended;
        }

        var (_, last) = await cluster.StartAsync(202);
        await last;
    }

    /// <summary>Each worker that begins it dies: after three it is given up, with the last error; other work goes on, and so does this once it kills no more.</summary>
    private static async Task StepKillsEveryWorkerAsync(DisturbedCluster cluster)
    {
        var before = LostOnTheWay(cluster);
        var begun = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        var (_, poisoned) = await cluster.StartAsync(203, states: ["Failed"], finetuneIterations: 3000, seen: e =>
        {
            if (e.Step is { Name: "finetune", Done: false } step)
                begun.TrySetResult(step.Key);
            return Task.CompletedTask;
        });
        var key = await begun.Task;
        Dictionary<string, int> deaths = new() { ["finetuner-1"] = 0, ["finetuner-2"] = 0 };
        Task<Job>? other = null;
        while (!poisoned.IsCompleted)
        {
            foreach (var name in deaths.Keys.ToArray())
            {
                if (Begun(cluster, name, key) <= deaths[name])
                    continue;
                deaths[name]++;
                cluster.Processes.Kill(name);
            }

            other ??= (await cluster.StartAsync(204)).Ended;
            await Task.WhenAny(poisoned, Task.Delay(50));
        }

        var failed = await poisoned;
        // A worker that got further than those before it, because its death came a moment late, does not count.
        Assert.Equal(3, deaths.Values.Sum() - (LostOnTheWay(cluster) - before));
        Assert.StartsWith("Step finetune lost its worker 3 times and is given up; last: ", failed.StatusMessage, StringComparison.Ordinal);
        Assert.Equal(JobState.Succeeded, (await other!).State);
    }

    /// <summary>A finished step's record in the bucket, and every local copy of every artifact.</summary>
    private static async Task RecordAndCopiesAreDamagedAsync(DisturbedCluster cluster)
    {
        var damaged = false;
        var (cached, seen) = (new List<bool>(), new List<string>());
        var (_, ended) = await cluster.StartAsync(205, finetuneIterations: 200, seen: async e =>
        {
            seen.Add($"{e.Sequence} {e.Step?.Name} {e.Step?.Done} {e.Step?.Cached} {e.Job?.State} {e.Job?.StatusCode} {e.Job?.StatusMessage}");
            if (e.Step is not { Name: "trials/0", Done: true } trials)
                return;
            if (damaged)
                cached.Add(trials.Cached);
            if (damaged)
                return;
            damaged = true;
            await using (var shared = cluster.Open())
                Damage(Stored(cluster, (await shared.Journal.FindRecordAsync(StepKey.Parse(trials.Key), default))!.Value));
            cluster.History.Add(new(Happening.Forgotten, Step: trials.Key));
            foreach (var copy in Copies(cluster))
                Damage(copy);
            // The one that comes again looks for the record.
            cluster.Processes.Kill("gateway");
        });
        await ended;
        Assert.True(cached is [false], string.Join('\n', seen));
    }

    /// <summary>What nobody can make again is named, and comes in order by another upload.</summary>
    private async Task InputIsDamagedAsync(DisturbedCluster cluster)
    {
        var spec = await undisturbed.SpecAsync(cluster.Client, 206);
        // The one in the bucket first: a step that a job before has left behind may be about to copy it.
        Damage(Stored(cluster, Digest.Parse(spec.ImageSetDigest)));
        foreach (var copy in Copies(cluster))
            Damage(copy);
        var job = await cluster.Client.SubmitAsync("damaged", spec);
        cluster.Client.Expect(job.Id, null, "Failed");
        var failed = await cluster.Client.WatchAsync(job.Id, "watcher");
        Assert.True(failed.StatusCode == 15, failed.ToString());
        Assert.Contains(spec.ImageSetDigest, failed.StatusMessage, StringComparison.Ordinal);
        var (_, again) = await cluster.StartAsync(206);
        await again;
    }

    private static string RunnerOf(DisturbedCluster cluster, string key) =>
        new[] { "finetuner-1", "finetuner-2" }.OrderBy(name => cluster.Processes.Log(name).LastIndexOf($"step {key} started", StringComparison.Ordinal)).Last();

    private static int Begun(DisturbedCluster cluster, string name, string key) => cluster.Processes.Log(name).Split($"step {key} started").Length - 1;

    private static int LostOnTheWay(DisturbedCluster cluster) => cluster.Processes.Processes.Keys
        .Where(name => name.StartsWith("gateway", StringComparison.Ordinal)).Sum(name => cluster.Processes.Log(name).Split("LostOnTheWay stage call").Length - 1);

    /// <summary>The S3 server's file of an artifact.</summary>
    private static string Stored(DisturbedCluster cluster, Digest digest) =>
        Directory.EnumerateFiles(Path.Combine(cluster.Processes.State, "s3"), $"{digest.Hex}*object", SearchOption.AllDirectories).Single();

    private static IEnumerable<string> Copies(DisturbedCluster cluster) => cluster.Processes.Processes.Keys
        .Select(name => Path.Combine(cluster.Processes.State, name, "copies")).Where(Directory.Exists)
        .SelectMany(folder => Directory.EnumerateFiles(folder).Where(file => Path.GetFileName(file).Length == 64));

    private static void Damage(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        stream.Position = stream.Length / 2;
        var value = stream.ReadByte();
        stream.Position--;
        stream.WriteByte((byte)(value ^ 1));
    }
}
