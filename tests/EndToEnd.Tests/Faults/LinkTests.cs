using System.Diagnostics;
using Xunit.Abstractions;

namespace Fewshot.EndToEnd;

/// <summary>Every service in a network namespace of its own, and each link between two of them parted in the middle of a job: packets vanish.</summary>
[Collection(ProgramTests.Name)]
public class LinkTests(Undisturbed undisturbed, ITestOutputHelper output) : IClassFixture<Undisturbed>
{
    private const string RedisServer = "/usr/bin/redis-server";

    /// <summary>One, the other, in which stage, and whether it is healed after two leases: where it is not, others end the job.</summary>
    private static IEnumerable<(string One, string Other, string Stage, bool Heals)> Links =>
    [
        (PartableNetwork.Tests, "gateway", "trials", false), ("gateway", "redis", "trials", false), ("gateway", "finetuner", "finetune", false),
        ("gateway", "gateways", "finetune", false),
    ];

    /// <summary>The rest, which takes long: others that are healed, and those that others take over only when patience with a store is at an end.</summary>
    private static IEnumerable<(string One, string Other, string Stage, bool Heals)> MoreLinks =>
    [
        ("gateway", "gateways", "trials", true), (PartableNetwork.Tests, "gateways", "finetune", true), ("gateway", "redis", "finetune", true), ("gateway", "trial", "trials", true),
        ("gateway", "s3", "finetune", true), ("finetuner", "s3", "finetune", true), ("gateway", "s3", "trials", false),
        ("finetuner", "s3", "finetune", false),
    ];

    [SkippableFact]
    public Task Cluster_LinksParted_LosesNothing() => PartAsync(Links);

    [SkippableFact]
    [Trait("Category", "Long")]
    public Task Cluster_MoreLinksParted_LosesNothing() => PartAsync(MoreLinks);

    private async Task PartAsync(IEnumerable<(string One, string Other, string Stage, bool Heals)> links)
    {
        Skip.IfNot(File.Exists(RedisServer), "redis-server is not installed");
        NetworkedJobs? started = null;
        try
        {
            started = await NetworkedJobs.StartedAsync(undisturbed);
        }
        catch (NotSupportedException e)
        {
            Skip.If(true, e.Message);
        }

        await using var jobs = started!;
        try
        {
            foreach (var (number, (one, other, stage, heals)) in links.Index())
            {
                var clock = Stopwatch.StartNew();
                var parted = await jobs.PartAsync(501 + (ulong)number, one, other, stage, heals);
                output.WriteLine($"{parted} parted in {stage}{(heals ? ", healed after two leases" : "")}: the job took {clock.Elapsed.TotalSeconds:F1} s");
            }

            await jobs.CheckAsync();
        }
        catch
        {
            output.WriteLine(jobs.Logs());
            throw;
        }
    }
}
