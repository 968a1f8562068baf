using Fewshot.Artifacts;
using Fewshot.Artifacts.V1;
using Microsoft.Extensions.Logging.Abstractions;

namespace Fewshot.ServiceDefaults.Tests;

public sealed class StoreOutageTests : IDisposable
{
    private static readonly StepDefinition Step = new("/fewshot.artifacts.v1.ArtifactService/StatArtifact", 1, "stat");
    private readonly StateFolder state = new();

    public void Dispose() => state.Dispose();

    [Fact]
    public async Task RunAsync_LedgerAwayWhenTheWorkIsDone_StoresTheResultLaterWithoutDoingItAgain()
    {
        using var stores = new AwayStores(state.Path, patience: TimeSpan.FromMinutes(1));
        var done = 0;
        var outcome = await stores.RunAsync(_ =>
        {
            done++;
            stores.Ledger.FailingResults = 3;
        });
        Assert.Equal((7, 1, -1), (outcome.Result.SizeBytes, done, stores.Ledger.FailingResults));
        Assert.NotNull(await stores.Ledger.FindResultAsync(outcome.Key));
    }

    [Fact]
    public async Task RunAsync_LedgerAwayForGoodWhenTheWorkIsDone_LetsGoOfTheStep()
    {
        using var stores = new AwayStores(state.Path, patience: TimeSpan.FromMilliseconds(20));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => stores.RunAsync(_ => stores.Ledger.FailingResults = int.MaxValue));
        stores.Ledger.FailingResults = 0;
        Assert.False((await stores.RunAsync(_ => { })).Cached);
    }

    [Fact]
    public async Task RunAsync_LedgerAwayForGoodDuringTheWork_StopsTheWorkAndLetsGoOfTheStep()
    {
        using var stores = new AwayStores(state.Path, patience: TimeSpan.FromMilliseconds(20));
        var e = await Assert.ThrowsAsync<RetryLaterException>(() => stores.RunAsync(context =>
        {
            stores.Ledger.FailingRenewals = int.MaxValue;
            context.Stop.WaitHandle.WaitOne();
            context.Stop.ThrowIfCancellationRequested();
        }));
        Assert.True(e.Stopping);
    }

    [Fact]
    public async Task RunAsync_LedgerAwayForAWhileDuringTheWork_GoesOn()
    {
        using var stores = new AwayStores(state.Path, patience: TimeSpan.FromMinutes(1));
        var outcome = await stores.RunAsync(context =>
        {
            stores.Ledger.FailingRenewals = 3;
            Assert.True(SpinWait.SpinUntil(() => stores.Ledger.FailingRenewals < 0, TimeSpan.FromSeconds(30)));
            Assert.False(context.Stop.IsCancellationRequested);
        });
        Assert.Equal(7, outcome.Result.SizeBytes);
    }

    private sealed class AwayStores : IDisposable
    {
        private readonly FileArtifactStore artifacts;
        private readonly FileStepLedger files;
        private readonly HeavyStepGate gate;
        private readonly StepRunner runner;

        public AwayStores(string folder, TimeSpan patience)
        {
            artifacts = new FileArtifactStore(Path.Combine(folder, "artifacts"));
            files = new FileStepLedger(Path.Combine(folder, "ledger"));
            var options = new FewshotOptions
            {
                StateFolder = folder, RetryAfter = TimeSpan.FromMilliseconds(5), LeaseRenewal = TimeSpan.FromMilliseconds(5), StorePatience = patience,
            };
            gate = new HeavyStepGate(options);
            Ledger = new AwayLedger(files);
            runner = new StepRunner(artifacts, Ledger, new StepJournal(artifacts, Ledger), gate, options, NullLogger<StepRunner>.Instance);
        }

        public AwayLedger Ledger { get; }

        public Task<StepOutcome<StatArtifactResponse>> RunAsync(Action<StepContext> work) => runner.RunAsync(
            Step, new StatArtifactRequest { Digest = "x" },
            context =>
            {
                work(context);
                return new StatArtifactResponse { SizeBytes = 7 };
            },
            new Progress<StepProgress>(), CancellationToken.None);

        public void Dispose()
        {
            gate.Dispose();
            files.Dispose();
            artifacts.Dispose();
        }
    }

    /// <summary>Cannot be reached for a number of calls.</summary>
    private sealed class AwayLedger(FileStepLedger files) : IStepLedger
    {
        public volatile int FailingResults, FailingRenewals;

        public Task<Digest?> FindResultAsync(StepKey key, CancellationToken ct = default) => files.FindResultAsync(key, ct);

        public async Task<IStepLease?> TryAcquireAsync(StepKey key, string owner, CancellationToken ct = default) =>
            await files.TryAcquireAsync(key, owner, ct) is { } lease ? new AwayLease(this, lease) : null;

        public Task<Digest?> FindCheckpointAsync(StepKey key, CancellationToken ct = default) => files.FindCheckpointAsync(key, ct);

        public Task SetCheckpointAsync(IStepLease lease, Digest checkpoint, CancellationToken ct = default) => files.SetCheckpointAsync(lease, checkpoint, ct);

        public Task ForgetResultAsync(StepKey key, Digest lost, CancellationToken ct = default) => files.ForgetResultAsync(key, lost, ct);
    }

    private sealed class AwayLease(AwayLedger ledger, IStepLease lease) : IStepLease
    {
        public StepKey Key => lease.Key;

        public Task RenewAsync(CancellationToken ct = default) => ledger.FailingRenewals-- > 0 ? throw new StoreUnavailableException("away") : lease.RenewAsync(ct);

        public Task<Digest> CompleteAsync(Digest result, CancellationToken ct = default) =>
            ledger.FailingResults-- > 0 ? throw new StoreUnavailableException("away") : lease.CompleteAsync(result, ct);

        public ValueTask DisposeAsync() => lease.DisposeAsync();
    }
}
