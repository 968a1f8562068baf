using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;
using Fewshot.Gateway.Jobs;

namespace Fewshot.Gateway.Tests;

public sealed class JobLogTests : IDisposable
{
    private static readonly JobRecord Job = new(JobIds.Of("r"), "r", "practise", "spec", DateTimeOffset.UnixEpoch);
    private readonly TemporaryFolder folder = new(inMemory: true);
    private readonly FileGrainStorage files;
    private readonly FileArtifactStore artifacts;
    private readonly FileArtifactNames names;
    private readonly GrainRecords records;
    private readonly JobArchive archive;

    public JobLogTests()
    {
        files = new FileGrainStorage(folder["records"]);
        (artifacts, names) = (new FileArtifactStore(folder["artifacts"]), new FileArtifactNames(folder["names"]));
        (records, archive) = (new GrainRecords(files), new JobArchive(artifacts, names));
    }

    public void Dispose()
    {
        files.Dispose();
        artifacts.Dispose();
        names.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task ReadAsync_AnyNumber_GivesEveryEventInOrderAlsoAfterItIsOpenedAgain()
    {
        using (var log = (await JobLog.OpenAsync(records, archive, Job.Id, Job))!)
        {
            Assert.Equal((Job, 0), (log.View.Job, log.View.LastSequence));
            var first = log.ReadAsync(1, TimeSpan.FromSeconds(30), default);
            for (var i = 1; i <= 300; i++)
                log.Append(step: Step(i));
            Assert.Empty((await first).Events);
            await log.RecordAsync(Job with { State = JobState.Failed, StatusMessage = "no" });
            Assert.Equal(301, log.View.LastSequence);
            Assert.Equal(Enumerable.Range(1, 301).Select(i => (long)i), (await AllAsync(log, 1)).Select(e => e.Sequence));
        }

        using var again = (await JobLog.OpenAsync(records, archive, Job.Id))!;
        Assert.Equal((JobState.Failed, "no", 301), (again.View.Job.State, again.View.Job.StatusMessage, again.View.LastSequence));
        var events = await AllAsync(again, 33);
        Assert.Equal(Enumerable.Range(33, 269).Select(i => (long)i), events.Select(e => e.Sequence));
        Assert.Equal(("step 33", "step 300", "no"), (events[0].Step!.Name, events[^2].Step!.Name, events[^1].Job!.StatusMessage));
        Assert.True((await again.ReadAsync(302, TimeSpan.FromSeconds(30), default)).Ended);
        await again.ForgetAsync();
        Assert.Null(await JobLog.OpenAsync(records, archive, Job.Id));
        Assert.DoesNotContain(Directory.EnumerateFiles(folder["records"]), file => file.Contains("_job-", StringComparison.Ordinal));
    }

    [Fact]
    public async Task RecordAsync_AnotherActivationHasBegunLater_IsTakenOver()
    {
        using var old = (await JobLog.OpenAsync(records, archive, Job.Id, Job))!;
        old.Begin();
        await old.RecordAsync(Job with { State = JobState.Running });
        using var later = (await JobLog.OpenAsync(records, archive, Job.Id))!;
        later.Begin();
        await later.RecordAsync(Job with { State = JobState.Running });
        old.Append(step: Step(0));
        await Assert.ThrowsAsync<JobTakenOverException>(() => old.FlushAsync());
        Assert.True(SpinWait.SpinUntil(() => old.Lost.IsCancellationRequested, TimeSpan.FromSeconds(30)));
        later.Append(step: Step(1));
        await later.FlushAsync();
        Assert.Equal(["step 1"], (await AllAsync(later, 3)).Select(e => e.Step?.Name));
    }

    [Fact]
    public async Task Append_EveryRecordLostUnderIt_GoesOnAndCountsOn()
    {
        using var log = (await JobLog.OpenAsync(records, archive, Job.Id, Job))!;
        log.Begin();
        for (var i = 1; i <= 40; i++)
            log.Append(step: Step(i));
        await log.FlushAsync();
        foreach (var record in Directory.EnumerateFiles(folder["records"], "*_job-*"))
            File.Delete(record);
        log.Append(step: Step(41));
        await log.FlushAsync();
        var events = await AllAsync(log, 1);
        // The page that was lost is passed over.
        Assert.Equal(Enumerable.Range(32, 10).Select(i => (long)i), events.Select(e => e.Sequence));
        Assert.Equal((null, "step 41"), (events[0].Step, events[^1].Step!.Name));
    }

    [Fact]
    public async Task LeftWithAsync_StepsThatBeganAndDidNotEnd_NamesTheirWorkers()
    {
        using var log = (await JobLog.OpenAsync(records, archive, Job.Id, Job))!;
        for (var i = 0; i < 50; i++)
        {
            log.Append(step: new StepNote("a", $"{i}", Done: false, Cached: false, 0) { Worker = $"worker {i}" });
            if (i != 7)
                log.Append(step: new StepNote("a", $"{i}", Done: true, Cached: false, 1));
        }

        await log.FlushAsync();
        Assert.Equal([KeyValuePair.Create("7", "worker 7")], await log.LeftWithAsync());
    }

    [Fact]
    public async Task RequestCancelAsync_BeforeItRuns_IsKnownAfterARestart()
    {
        await archive.SaveAsync(Job);
        using (var log = (await JobLog.OpenAsync(records, archive, Job.Id))!)
            await log.RequestCancelAsync();
        using var again = (await JobLog.OpenAsync(records, archive, Job.Id))!;
        Assert.True(again.CancelRequested);
    }

    private static StepNote Step(int number) => new($"step {number}", "key", Done: true, Cached: false, Seconds: number);

    private static async Task<List<JobEvent>> AllAsync(JobLog log, long from)
    {
        List<JobEvent> all = [];
        while (from <= log.View.LastSequence)
        {
            var page = await log.ReadAsync(from, TimeSpan.Zero, default);
            all.AddRange(page.Events);
            from = page.Events[^1].Sequence + 1;
        }

        return all;
    }
}
