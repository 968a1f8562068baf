using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;
using Orleans.Concurrency;
using Orleans.Placement;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace Fewshot.Gateway.Jobs;

/// <inheritdoc cref="IJobGrain"/>
[Reentrant, PreferLocalPlacement]
internal sealed class JobGrain(
    GrainRecords records, JobArchive archive, JobExecution execution, ActivationWatch watch, ILocalSiloDetails silo,
    IHostApplicationLifetime lifetime)
    : Grain, IJobGrain, IDisposable
{
    private readonly CancellationTokenSource cancel = new();
    private readonly CancellationTokenSource leave = CancellationTokenSource.CreateLinkedTokenSource(lifetime.ApplicationStopping);
    private readonly SemaphoreSlim opening = new(1);
    private JobLog? log;
    private Task? running;
    private bool forgotten;

    private string Id => this.GetPrimaryKeyString();

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        watch.Begin(this);
        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await leave.CancelAsync();
        if (running is not null)
        {
            await running.WaitAsync(cancellationToken)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    public void Dispose()
    {
        log?.Dispose();
        leave.Dispose();
        cancel.Dispose();
        opening.Dispose();
    }

    public async Task<JobView?> CreateAsync(JobRecord job, int? limit)
    {
        // Accepted is what is in the archive and in the index; an attempt before may have come as far as the one alone.
        var known = (await OpenAsync())?.View.Job;
        if (known is null)
            await archive.SaveAsync(job);
        if (!await GrainFactory.GetGrain<IJobIndexGrain>(JobIndex.Key).AddAsync(JobEntry.Of(known ?? job), known is null ? limit : null))
        {
            await archive.ForgetAsync(job.Id);
            forgotten = true;
            DeactivateOnIdle();
            return null;
        }

        await OpenAsync(job);
        return await EnsureAsync(silo.SiloAddress);
    }

    public async Task<JobView?> FindAsync() => (await OpenAsync())?.View;

    public async Task<JobView?> EnsureAsync(SiloAddress from)
    {
        if (await OpenAsync() is not { } open)
            return null;
        if (running is { IsCompleted: false } || open.View.Job.Ended || leave.IsCancellationRequested)
            return open.View;
        if (!execution.HasGivenUp(Id))
        {
            running = RunAsync(open);
        }
        else if (!from.Equals(silo.SiloAddress))
        {
            RequestContext.Set(IPlacementDirector.PlacementHintKey, from);
            MigrateOnIdle();
        }

        return open.View;
    }

    public async Task CancelAsync()
    {
        if (await OpenAsync() is not { View.Job.Ended: false } open)
            return;
        await open.RequestCancelAsync();
        await cancel.CancelAsync();
        await EnsureAsync(silo.SiloAddress);
    }

    public async Task<EventPage> ReadAsync(long from, TimeSpan wait) =>
        await OpenAsync() is { } open ? await open.ReadAsync(from, wait, leave.Token) : new EventPage([], Ended: true);

    public async Task ForgetAsync()
    {
        if (await OpenAsync() is { } open)
            await open.ForgetAsync();
        await GrainFactory.GetGrain<IJobIndexGrain>(JobIndex.Key).ForgetAsync(Id);
        forgotten = true;
        DeactivateOnIdle();
    }

    private async Task<JobLog?> OpenAsync(JobRecord? created = null)
    {
        if (log is not null || forgotten)
            return forgotten ? null : log;
        await opening.WaitAsync();
        try
        {
            log ??= await JobLog.OpenAsync(records, archive, Id, created);
        }
        finally
        {
            opening.Release();
        }

        return log;
    }

    private async Task RunAsync(JobLog open)
    {
        // While it runs, however long nobody asks for it.
        DelayDeactivation(TimeSpan.FromDays(365));
        var over = await Task.Run(() => execution.RunAsync(open, cancel.Token, leave.Token));
        DelayDeactivation(TimeSpan.MinValue);
        if (over)
            DeactivateOnIdle();
    }
}
