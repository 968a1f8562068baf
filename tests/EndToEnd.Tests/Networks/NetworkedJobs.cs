using Fewshot.Compression.V1;
using Fewshot.ServiceDefaults;

namespace Fewshot.EndToEnd;

/// <summary>Jobs on hosts whose links are parted while they run.</summary>
internal sealed class NetworkedJobs : DisturbedJobs
{
    /// <summary>Twice the life of a lease.</summary>
    private static readonly TimeSpan TwoLeases = TimeSpan.FromSeconds(6), Poll = TimeSpan.FromMilliseconds(20), Patience = TimeSpan.FromSeconds(30);

    // One that was just on its way when they were counted first would be no sign yet.
    private const int ManyPackets = 3;
    private readonly NetworkedHosts hosts;

    private NetworkedJobs(Undisturbed undisturbed, NetworkedHosts hosts)
        : base(undisturbed, hosts.Gateways, silence: TimeSpan.FromSeconds(3)) => this.hosts = hosts;

    /// <exception cref="NotSupportedException">Networks cannot be made here; the message says why.</exception>
    public static async Task<NetworkedJobs> StartedAsync(Undisturbed undisturbed) => new(undisturbed, await NetworkedHosts.StartedAsync(
    [
        .. RunningCluster.ShortLeases, ("Fewshot__ProgressHeartbeat", "00:00:00.5"), ("Gateway__WatchHeartbeat", "00:00:00.5"), ("Gateway__WorkerSilence", "00:00:03"),
        ("Gateway__UnaryDeadline", "00:00:05"),
        // Longer than two leases: what is healed by then was waited for.
        ("Fewshot__StorePatience", "00:00:08"),
    ]));

    /// <summary>Runs a job, parts a link of those that work on it when a stage has begun, and waits for the job's end.</summary>
    /// <param name="seed">Of the job.</param>
    /// <param name="one">tests, gateway, or a kind of worker.</param>
    /// <param name="other">gateways for both of them, another such kind, redis or s3.</param>
    /// <param name="stage">With whose first step it is parted.</param>
    /// <param name="heals">Whether it is healed after two leases; otherwise others must do the rest.</param>
    /// <returns>Which were parted.</returns>
    public async Task<string> PartAsync(ulong seed, string one, string other, string stage, bool heals)
    {
        var parted = new TaskCompletionSource<(string One, string Other)[]>(TaskCreationOptions.RunContinuationsAsynchronously);
        var (id, vanished) = ("", 0L);
        var (_, ended) = await StartAsync(seed, trialIterations: 20, finetuneIterations: stage == "finetune" ? 100 : 20, seen: async e =>
        {
            id = e.Job?.Id ?? id;
            if (parted.Task.IsCompleted || e.Step is not { Done: false } step || !step.Name.StartsWith(stage, StringComparison.Ordinal))
                return;
            (string, string)[] links;
            using var patience = new CancellationTokenSource(Patience);
            while ((links = LinksOf(one, other, id, step.Key)).Length == 0)
                await Task.Delay(Poll, patience.Token);
            vanished = PartableNetwork.Vanished();
            foreach (var (from, to) in links)
                hosts.Network.Part(from, to);
            parted.TrySetResult(links);
        });
        var name = $"{one}-{other} in {stage}";
        Assert.True(await Task.WhenAny(parted.Task, ended) == parted.Task, $"{name}: the job ended before it was parted");
        var links = await parted.Task;
        try
        {
            var time = Task.Delay(TwoLeases);
            while (!ended.IsCompleted && (!time.IsCompleted || PartableNetwork.Vanished() - vanished < ManyPackets || !heals))
                await Task.WhenAny(ended, Task.Delay(Poll));
            Assert.True(PartableNetwork.Vanished() - vanished >= ManyPackets, $"{name}: nobody came upon the parted link");
        }
        finally
        {
            if (heals)
                Heal(links);
        }

        Assert.Equal(JobState.Succeeded, (await ended).State);
        if (!heals)
            Heal(links);
        return string.Join(", ", links.Select(link => $"{link.One} - {link.Other}"));
    }

    /// <summary>What every host has printed.</summary>
    public string Logs() => hosts.Logs();

    public override async ValueTask DisposeAsync()
    {
        hosts.Dispose();
        await base.DisposeAsync();
    }

    protected override string? Redis => hosts.Redis;

    protected override void UseStores(FewshotOptions options)
    {
        UseS3Credentials();
        (options.StateFolder, options.Artifacts, options.S3Endpoint) = (Folder["looking"], "s3://fewshot", hosts.Store);
    }

    private void Heal((string One, string Other)[] links)
    {
        foreach (var (one, other) in links)
            hosts.Network.Heal(one, other);
    }

    /// <summary>Links between hosts; none while it is not known who works on the job.</summary>
    private (string One, string Other)[] LinksOf(string one, string other, string job, string step)
    {
        string[] Running(string kind) => kind switch
        {
            "redis" or "s3" => [kind],
            PartableNetwork.Tests => [PartableNetwork.Tests],
            "gateways" => NetworkedHosts.GatewayHosts,
            // The one that the client hears.
            "gateway" when one == PartableNetwork.Tests => [NetworkedHosts.GatewayHosts.Single(host => hosts.UrlOf(host) == Client.Gateway)],
            "gateway" => [.. hosts.Saying(kind, $"Job {job} (practise) runs")],
            _ => [.. hosts.Saying(kind, $"step {step} started")],
        };
        return [.. from first in Running(one) from second in Running(other) where first != second select (first, second)];
    }
}
