using System.Globalization;
using Fewshot.Compression.V1;
using Fewshot.Histories;
using Xunit.Abstractions;

namespace Fewshot.EndToEnd;

/// <summary>All faults mixed, one after the other, for <c>FEWSHOT_FAULT_MINUTES</c> (5); <c>FEWSHOT_FAULT_SEED</c> gives the same order again.</summary>
[Collection(ProgramTests.Name)]
[Trait("Category", "Long")]
public class LongFaultTests(Undisturbed undisturbed, ITestOutputHelper output) : IClassFixture<Undisturbed>
{
    private const int JobsAtOnce = 3;
    private static readonly TimeSpan BetweenFaults = TimeSpan.FromSeconds(3), StandStill = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task Cluster_AllFaultsMixed_LosesNothing()
    {
        var minutes = Number("FEWSHOT_FAULT_MINUTES", 5);
        var seed = Number("FEWSHOT_FAULT_SEED", Environment.TickCount & 0xffff);
        output.WriteLine($"FEWSHOT_FAULT_SEED={seed}, {minutes} minutes");
        var random = new Random(seed);
        await using var cluster = new DisturbedCluster(undisturbed, gateways: 2);
        var end = DateTime.UtcNow.AddMinutes(minutes);
        var (jobs, next) = (new List<(Job Job, Task<Job> Ended)>(), (ulong)seed * 1000);
        Dictionary<string, int> done = [];
        while (DateTime.UtcNow < end)
        {
            while (jobs.Count(job => !job.Ended.IsCompleted) < JobsAtOnce)
                jobs.Add(await cluster.StartAsync(next++, states: ["Succeeded", "Cancelled"], finetuneIterations: 40));
            var fault = await DisturbAsync(cluster, random, jobs);
            done[fault] = done.GetValueOrDefault(fault) + 1;
            await cluster.SampleAsync();
            await Task.Delay(BetweenFaults);
        }

        await Task.WhenAll(jobs.Select(job => job.Ended));
        output.WriteLine($"{jobs.Count} jobs, {jobs.Count(job => job.Ended.Result.State == JobState.Succeeded)} succeeded; {string.Join(", ", done.Select(fault => $"{fault.Key} {fault.Value} times"))}");
        Assert.NotEmpty(done);
        await cluster.CheckAsync();
    }

    private static async Task<string> DisturbAsync(DisturbedCluster cluster, Random random, List<(Job Job, Task<Job> Ended)> jobs)
    {
        string[] workers = [.. cluster.Workers];
        var (worker, gateway) = (workers[random.Next(workers.Length)], random.Next(2) == 0 ? "gateway" : "gateway-2");
        switch (random.Next(9))
        {
            case 0 or 1:
                cluster.Processes.Kill(worker);
                return "worker killed";
            case 2:
                cluster.Processes.Kill(gateway);
                return "gateway killed";
            case 3:
                cluster.Processes.Kill("redis");
                return "Redis killed";
            case 4:
                cluster.Processes.Kill("s3");
                return "S3 killed";
            case 5:
                cluster.Processes.Replace(random.Next(2) == 0 ? worker : gateway);
                return "replaced";
            case 6:
                cluster.Processes.Signal(worker, "STOP");
                await Task.Delay(StandStill);
                cluster.Processes.Signal(worker, "CONT");
                return "worker stopped";
            case 7 when jobs.Count > 0:
                await cluster.Client.CancelAsync(jobs[random.Next(jobs.Count)].Job.Id);
                return "cancelled";
            default:
                // Before and after, because it is not seen when exactly.
                cluster.History.Add(new(Happening.Forgotten));
                ClusterTests.Redis(cluster.Processes, "FLUSHALL");
                cluster.History.Add(new(Happening.Forgotten));
                return "FLUSHALL";
        }
    }

    private static int Number(string name, int standard) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : standard;
}
