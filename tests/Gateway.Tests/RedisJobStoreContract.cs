using Fewshot.Artifacts;
using Fewshot.Artifacts.Redis;
using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Tenants;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Tests;

public sealed class RedisJobStoreContract(RedisProcess redis) : JobStoreContract, IClassFixture<RedisProcess>, IAsyncLifetime, IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly List<IDisposable> opened = [];

    public Task InitializeAsync() => redis.CommandAsync("FLUSHALL");

    public Task DisposeAsync() => Task.CompletedTask;

    public void Dispose()
    {
        opened.ForEach(one => one.Dispose());
        folder.Dispose();
    }

    [Fact]
    public async Task Redis_Emptied_JobsComeBackFromTheArtifacts()
    {
        var (store, ledger) = (Open(), OpenLedger(Long));
        var (waiting, running, done) = (await store.CreateAsync("a", "practise", "spec"), await store.CreateAsync("b", "dcvit", "spec"), await store.CreateAsync("c", "pareto", "spec"));
        Assert.Equal(3, (await store.UnfinishedAsync()).Count);
        var ended = done with { State = JobState.Succeeded, EndTime = DateTimeOffset.UtcNow, Result = new JobResult(Model: "sha256:1") };
        await using (var last = await store.OpenAsync(done.Id, (await ledger.TryAcquireAsync(JobStoreExtensions.ClaimOf(done.Id), "me"))!))
            await last.RecordAsync(ended);
        var claim = await ledger.TryAcquireAsync(JobStoreExtensions.ClaimOf(running.Id), "me");
        await using var log = await store.OpenAsync(running.Id, claim!);
        for (var i = 0; i < 7; i++)
            log.Append(step: new StepNote($"{i}", "key", Done: true, Cached: false, Seconds: 0));
        await log.FlushAsync();

        await redis.CommandAsync("FLUSHALL");
        Assert.Equal([waiting.Id, running.Id], await Open().UnfinishedAsync());
        Assert.Equal(waiting, await Open().GetAsync(waiting.Id));
        Assert.Equivalent(ended, await Open().GetAsync(done.Id), strict: true);
        Assert.Equal(3, (await Open().ListAsync(after: null, 10))!.Count);
        // Who runs it goes on, and so does the counting: who has seen seven events misses none.
        await claim!.RenewAsync();
        var rest = CollectAsync(Open(), running.Id, 8);
        log.Append(step: new StepNote("7", "key", Done: true, Cached: false, Seconds: 0));
        await log.RecordAsync(running with { State = JobState.Cancelled });
        Assert.Equal(["7", null], (await rest).Select(e => e.Step?.Name));
        Assert.Equal([waiting.Id], await Open().UnfinishedAsync());
    }

    [Fact]
    public async Task Redis_JobsOlderThanTenants_AreTheLocalTenants()
    {
        var store = Open();
        var (ended, waiting) = (await store.CreateAsync("a", "practise", "spec"), await store.CreateAsync("b", "practise", "spec"));
        await redis.CommandAsync("DEL fewshot:jobs:of:local fewshot:jobs:unfinished:of:local fewshot:jobs:complete:2");
        await redis.CommandAsync($"ZREM fewshot:jobs:unfinished {ended.Id}");
        await store.UnfinishedAsync();
        Assert.Equal(2, (await store.ListAsync(after: null, 10, "local"))!.Count);
        // Of the two only one counts.
        await Assert.ThrowsAsync<QuotaExceededException>(() => store.CreateAsync("c", "practise", "spec", new Tenant("local") { MaxUnfinishedJobs = 1 }));
        Assert.NotNull(await store.CreateAsync("c", "practise", "spec", new Tenant("local") { MaxUnfinishedJobs = 2 }));
        Assert.Equal([waiting.Id, JobStoreExtensions.IdOf("c")], await store.UnfinishedAsync());
    }

    [Fact]
    public async Task Append_ClaimPassedToAnotherGateway_IsRefused()
    {
        var store = Open();
        var job = await store.CreateAsync("r", "practise", "spec");
        var paused = await OpenLedger(Short).TryAcquireAsync(JobStoreExtensions.ClaimOf(job.Id), "paused");
        await using var log = await store.OpenAsync(job.Id, paused!);
        var ledger = OpenLedger(Short);
        await Poll.ForAsync(() => ledger.TryAcquireAsync(JobStoreExtensions.ClaimOf(job.Id), "you"));
        log.Append(step: new StepNote("a", "key", Done: false, Cached: false, Seconds: 0));
        await Assert.ThrowsAsync<LeaseLostException>(() => log.FlushAsync());
        Assert.Equal(0, await store.LastSequenceAsync(job.Id));
    }

    [Fact]
    public async Task Everything_DoneButReportedLost_IsHarmlessWhenRepeated()
    {
        using var proxy = new LossyProxy(redis.Port);
        var lossy = Open(RedisAddress.Parse($"redis://127.0.0.1:{proxy.Port}"));
        Assert.Null(await lossy.FindAsync(JobStoreExtensions.IdOf("r")));
        proxy.LoseAnswerTo("EVAL");
        var job = await lossy.CreateAsync("r", "practise", "spec");
        var claim = await OpenLedger(Long).TryAcquireAsync(JobStoreExtensions.ClaimOf(job.Id), "me");
        await using var log = await lossy.OpenAsync(job.Id, claim!);
        proxy.LoseAnswerTo("EVAL");
        await log.RecordAsync(job with { State = JobState.Running });
        for (var i = 2; i <= 4; i++)
        {
            proxy.LoseAnswerTo("EVAL");
            log.Append(step: new StepNote($"{i}", "key", Done: true, Cached: false, Seconds: 0));
            await log.FlushAsync();
            Assert.Equal(i, await Open().LastSequenceAsync(job.Id));
        }

        Assert.Equal(5, proxy.Cut);
        Assert.Single((await Open().ListAsync(after: null, 10))!);
    }

    [Fact]
    public async Task Append_RedisKilledAndRestarted_NothingIsMissing()
    {
        using var own = new RedisProcess();
        await own.InitializeAsync();
        using var server = new RedisServer(own.Address);
        using var artifacts = new FileArtifactStore(folder["a"]);
        using var names = new FileArtifactNames(folder["n"]);
        using var store = new RedisJobStore(server, new JobArchive(artifacts, names));
        var job = await store.CreateAsync("r", "practise", "spec");
        var claim = await new RedisStepLedger(server, Long).TryAcquireAsync(JobStoreExtensions.ClaimOf(job.Id), "me");
        await using var log = await store.OpenAsync(job.Id, claim!);
        for (var i = 0; i < 30; i++)
        {
            if (i == 10)
                own.Kill();
            if (i == 20)
                await own.InitializeAsync();
            log.Append(step: new StepNote($"{i}", "key", Done: true, Cached: false, Seconds: 0));
        }

        await log.RecordAsync(job with { State = JobState.Succeeded });
        Assert.Equal([.. Enumerable.Range(0, 30).Select(i => $"{i}"), null], (await CollectAsync(store, job.Id, 1)).Select(e => e.Step?.Name));
    }

    protected override IJobStore Open() => Open(redis.Address);

    protected override IStepLedger OpenLedger(TimeSpan leaseDuration) => new RedisStepLedger(Opened(new RedisServer(redis.Address)), leaseDuration);

    private RedisJobStore Open(RedisAddress address) => Opened(new RedisJobStore(
        Opened(new RedisServer(address)), new JobArchive(Opened(new FileArtifactStore(folder["artifacts"])), Opened(new FileArtifactNames(folder["names"])))));

    private T Opened<T>(T one)
        where T : IDisposable
    {
        opened.Add(one);
        return one;
    }
}
