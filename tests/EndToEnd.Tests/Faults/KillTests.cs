using Fewshot.Compression.V1;

namespace Fewshot.EndToEnd;

/// <summary>Processes that die while jobs run.</summary>
[Collection(ProgramTests.Name)]
public class KillTests(Undisturbed undisturbed) : IClassFixture<Undisturbed>
{
    private const string RedisServer = "/usr/bin/redis-server";
    private static readonly TimeSpan BetweenKills = TimeSpan.FromSeconds(2);

    /// <summary>One cluster through all of it; each fault meets jobs that nothing of is done yet.</summary>
    [SkippableFact]
    public async Task Cluster_ProcessesDie_LosesNothing()
    {
        Skip.IfNot(File.Exists(RedisServer), "redis-server is not installed");
        await using var cluster = new DisturbedCluster(undisturbed, gateways: 2);
        await WorkersDieEveryTwoSecondsAsync(cluster);
        await GatewaysDieAtEveryStepAsync(cluster);
        await GatewayThatRunsTheJobDiesAsync(cluster);
        await GatewaysAreReplacedAsync(cluster);
        await cluster.CheckAsync();
    }

    private static async Task WorkersDieEveryTwoSecondsAsync(DisturbedCluster cluster)
    {
        var random = new Random(1);
        var jobs = new List<Task<Job>>();
        foreach (var seed in new ulong[] { 101, 102, 103 })
            jobs.Add((await cluster.StartAsync(seed, trialIterations: 20, finetuneIterations: 40)).Ended);
        string[] workers = [.. cluster.Workers];
        var all = Task.WhenAll(jobs);
        var kills = 0;
        while (await Task.WhenAny(all, Task.Delay(BetweenKills)) != all)
        {
            cluster.Processes.Kill(workers[random.Next(workers.Length)]);
            await cluster.SampleAsync();
            kills++;
        }

        await all;
        Assert.True(kills > 0, "the jobs ended before any worker died");
    }

    private static async Task GatewaysDieAtEveryStepAsync(DisturbedCluster cluster)
    {
        var died = new List<string>();
        var (_, ended) = await cluster.StartAsync(104, seen: e =>
        {
            if (e.Step is { } step)
            {
                died.Add(step.Name);
                // Whichever of them runs the job.
                cluster.Processes.Kill("gateway");
                cluster.Processes.Kill("gateway-2");
            }

            return Task.CompletedTask;
        });
        await ended;
        Assert.True(died.Distinct().Count() >= 4, string.Join(", ", died));
    }

    private static async Task GatewayThatRunsTheJobDiesAsync(DisturbedCluster cluster)
    {
        var inTrials = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var (job, ended) = await cluster.StartAsync(105, seen: e =>
        {
            if (e.Progress is { Stage: "trials" })
                inTrials.TrySetResult();
            return Task.CompletedTask;
        });
        await inTrials.Task;
        var runner = new[] { "gateway", "gateway-2" }.Single(name => cluster.Processes.Log(name).Contains($"Job {job.Id} (practise) runs", StringComparison.Ordinal));
        cluster.Processes.Kill(runner);
        await ended;
    }

    private static async Task GatewaysAreReplacedAsync(DisturbedCluster cluster)
    {
        var jobs = new List<Task<Job>>();
        foreach (var seed in new ulong[] { 106, 107 })
        {
            foreach (var gateway in new[] { "gateway", "gateway-2" })
            {
                var replaced = Task.Run(() => cluster.Processes.Replace(gateway));
                if (gateway == "gateway")
                    jobs.Add((await cluster.StartAsync(seed)).Ended);
                await replaced;
            }
        }

        await Task.WhenAll(jobs);
    }
}
