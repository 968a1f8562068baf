using Fewshot.Artifacts;
using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Tenants;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Tests;

/// <summary>What every job store must do, whatever it is kept in.</summary>
public abstract class JobStoreContract
{
    private protected static readonly TimeSpan Long = TimeSpan.FromMinutes(1), Short = TimeSpan.FromMilliseconds(300);

    /// <summary>The store as another gateway would open it.</summary>
    protected abstract IJobStore Open();

    /// <summary>The ledger whose leases are its claims.</summary>
    protected abstract IStepLedger OpenLedger(TimeSpan leaseDuration);

    [Fact]
    public async Task CreateAsync_SameRequestId_GivesTheFirstJob()
    {
        var (store, other) = (Open(), Open());
        var jobs = await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(() => (i % 2 == 0 ? store : other).CreateAsync("r", "practise", "spec"))));
        var job = Assert.Single(jobs.Distinct());
        Assert.Equal((JobState.Queued, "r", JobStoreExtensions.IdOf("r")), (job.State, job.RequestId, job.Id));
        Assert.Equal(job, await other.CreateAsync("r", "practise", "another spec"));
        Assert.Equal(job, await store.FindByRequestAsync("r", "practise", "spec"));
        await Assert.ThrowsAsync<RequestIdTakenException>(() => store.FindByRequestAsync("r", "practise", "another spec"));
        Assert.Null(await store.FindByRequestAsync("unknown", "practise", "spec"));
        await Assert.ThrowsAsync<JobNotFoundException>(() => store.GetAsync("../../etc/passwd"));
        Assert.Equal([job], await store.ListAsync(after: null, 10));
    }

    [Fact]
    public async Task ListAsync_Pages_AreNewestFirstAndNotShiftedByNewJobs()
    {
        var store = Open();
        List<string> ids = [];
        for (var i = 0; i < 5; i++)
            ids.Add(await CreateLaterAsync(store, ids.Count));
        Assert.Equal([ids[4], ids[3]], (await store.ListAsync(after: null, 2))!.Select(job => job.Id));
        await CreateLaterAsync(store, 5);
        Assert.Equal([ids[2], ids[1]], (await store.ListAsync(ids[3], 2))!.Select(job => job.Id));
        Assert.Equal([ids[0]], (await store.ListAsync(ids[1], 2))!.Select(job => job.Id));
        Assert.Empty((await store.ListAsync(ids[0], 2))!);
        Assert.Null(await store.ListAsync("job-00000000000000000000", 2));
    }

    [Fact]
    public async Task CreateAsync_Tenants_HaveJobsOfTheirOwn()
    {
        var store = Open();
        var (local, acme) = (await store.CreateAsync("r", "practise", "spec"), await store.CreateAsync("r", "practise", "spec", new Tenant("acme")));
        Assert.NotEqual(local.Id, acme.Id);
        Assert.Equal(("local", "acme"), (local.Tenant, acme.Tenant));
        // Ids of jobs that are older than tenants.
        Assert.Equal("job-454349e422f05297191e", local.Id);
        Assert.Equal(acme, await Open().FindByRequestAsync("r", "practise", "spec", "acme"));
        Assert.Equal([acme], await Open().ListAsync(after: null, 10, "acme"));
        Assert.Equal([local], await Open().ListAsync(after: null, 10, "local"));
        Assert.Null(await Open().ListAsync(local.Id, 10, "acme"));
        Assert.Equal(2, (await Open().ListAsync(after: null, 10))!.Count);
        await store.ForgetAsync(acme.Id);
        Assert.Empty((await Open().ListAsync(after: null, 10, "acme"))!);
    }

    [Fact]
    public async Task CreateAsync_TenantAtItsLimit_IsRefusedUntilAJobEnds()
    {
        var (store, ledger, tenant) = (Open(), OpenLedger(Long), new Tenant("acme") { MaxUnfinishedJobs = 3 });
        await store.CreateAsync("r", "practise", "spec");
        var made = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => Task.Run(async () =>
        {
            try
            {
                return await store.CreateAsync($"r{i}", "practise", "spec", tenant);
            }
            catch (QuotaExceededException)
            {
                return null;
            }
        })));
        Assert.Equal(3, made.Count(job => job is not null));
        var first = made.First(job => job is not null)!;
        Assert.Equal(first, await store.CreateAsync(first.RequestId, "practise", "spec", tenant));
        await using (var log = await store.OpenAsync(first.Id, (await ledger.TryAcquireAsync(JobStoreExtensions.ClaimOf(first.Id), "me"))!))
            await log.RecordAsync(first with { State = JobState.Succeeded });
        Assert.NotNull(await Open().CreateAsync("next", "practise", "spec", tenant));
        await Assert.ThrowsAsync<QuotaExceededException>(() => Open().CreateAsync("over", "practise", "spec", tenant));
        Assert.Null(await store.FindByRequestAsync("over", "practise", "spec", "acme"));
    }

    [Fact]
    public async Task UnfinishedAsync_EndedJobs_AreNotAmongThem()
    {
        var (store, ledger) = (Open(), OpenLedger(Long));
        List<string> ids = [];
        for (var i = 0; i < 3; i++)
            ids.Add(await CreateLaterAsync(store, i));
        var claim = await ledger.TryAcquireAsync(JobStoreExtensions.ClaimOf(ids[1]), "me");
        await using var job = await store.OpenAsync(ids[1], claim!);
        await job.RecordAsync(await store.GetAsync(ids[1]) with { State = JobState.Running });
        Assert.Equal(ids, await Open().UnfinishedAsync());
        var ended = await store.GetAsync(ids[1]) with { State = JobState.Succeeded, EndTime = DateTimeOffset.UtcNow, Result = new JobResult(Model: "sha256:1", Models: [new TargetModel(0.5, "m")]) };
        await job.RecordAsync(ended);
        Assert.Equal([ids[0], ids[2]], await Open().UnfinishedAsync());
        Assert.Equivalent(ended, await Open().GetAsync(ids[1]), strict: true);
    }

    [Fact]
    public async Task RequestCancelAsync_AnyGateway_EveryoneSeesIt()
    {
        var store = Open();
        var id = (await store.CreateAsync("r", "practise", "spec")).Id;
        Assert.False(await store.IsCancelRequestedAsync(id));
        await Open().RequestCancelAsync(id);
        await Open().RequestCancelAsync(id);
        Assert.True(await store.IsCancelRequestedAsync(id));
    }

    [Fact]
    public async Task FollowAsync_AnotherGateway_GivesEveryEventInOrderFromAnyNumberToTheEnd()
    {
        var (store, ledger) = (Open(), OpenLedger(Long));
        var job = await store.CreateAsync("r", "practise", "spec");
        await using var claim = await ledger.TryAcquireAsync(JobStoreExtensions.ClaimOf(job.Id), "me");
        var whole = CollectAsync(Open(), job.Id, 0);
        await using (var log = await store.OpenAsync(job.Id, claim!))
        {
            for (var i = 0; i < 300; i++)
                log.Append(step: new StepNote($"step {i}", "key", Done: true, Cached: false, Seconds: i));
            await log.FlushAsync();
            Assert.Equal(300, await Open().LastSequenceAsync(job.Id));
            log.Append(progress: new ProgressNote("trials", 1, 2, "loss", 0.25, EtaSeconds: 3));
            await log.FlushAsync();
            await log.RecordAsync(job with { State = JobState.Failed, StatusMessage = "no" });
        }

        var events = await whole;
        Assert.Equal(Enumerable.Range(1, 302).Select(i => (long)i), events.Select(e => e.Sequence));
        Assert.Equal(("step 299", 0.25, "no"), (events[299].Step!.Name, events[300].Progress!.Metric, events[301].Job!.StatusMessage));
        Assert.Equal([301, 302], (await CollectAsync(Open(), job.Id, 301)).Select(e => e.Sequence));
        Assert.Empty(await CollectAsync(Open(), job.Id, 303));
    }

    [Fact]
    public async Task FollowAsync_Silence_GivesNullAgainAndAgain()
    {
        var store = Open();
        var job = await store.CreateAsync("r", "practise", "spec");
        var silences = 0;
        await foreach (var e in store.FollowAsync(job.Id, 0, TimeSpan.FromMilliseconds(20)))
        {
            Assert.Null(e);
            if (++silences == 3)
                break;
        }
    }

    [Fact]
    public async Task RecordAsync_ClaimPassedToAnotherGateway_IsRefusedAndCountingGoesOn()
    {
        var (store, other) = (Open(), Open());
        var job = await store.CreateAsync("r", "practise", "spec");
        var paused = await OpenLedger(Short).TryAcquireAsync(JobStoreExtensions.ClaimOf(job.Id), "paused");
        await using var late = await store.OpenAsync(job.Id, paused!);
        late.Append(step: new StepNote("a", "key", Done: false, Cached: false, Seconds: 0));
        await late.FlushAsync();

        var ledger = OpenLedger(Short);
        var taken = await Poll.ForAsync(() => ledger.TryAcquireAsync(JobStoreExtensions.ClaimOf(job.Id), "you"));
        await Assert.ThrowsAsync<LeaseLostException>(() => late.RecordAsync(job with { State = JobState.Running }));
        await Assert.ThrowsAsync<LeaseLostException>(() => store.OpenAsync(job.Id, paused!));
        Assert.Equal(job, await store.GetAsync(job.Id));
        await using var log = await other.OpenAsync(job.Id, taken);
        await log.RecordAsync(job with { State = JobState.Running });
        Assert.Equal(2, await store.LastSequenceAsync(job.Id));
    }

    private protected static async Task<List<JobEvent>> CollectAsync(IJobStore store, string id, long from)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var events = new List<JobEvent>();
        await foreach (var e in store.FollowAsync(id, from, TimeSpan.FromSeconds(5), deadline.Token))
        {
            if (e is not null)
                events.Add(e);
        }

        return events;
    }

    /// <summary>Jobs are in the order of the milliseconds they were made in.</summary>
    private static async Task<string> CreateLaterAsync(IJobStore store, int number)
    {
        var before = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        await Poll.UntilAsync(() => Task.FromResult(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() > before));
        return (await store.CreateAsync($"request-{number}", "practise", "spec")).Id;
    }
}
