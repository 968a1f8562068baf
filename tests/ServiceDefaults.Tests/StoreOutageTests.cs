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
        using var artifacts = new FileArtifactStore(Path.Combine(state.Path, "artifacts"));
        using var files = new FileStepLedger(Path.Combine(state.Path, "ledger"));
        var options = new FewshotOptions { StateFolder = state.Path, RetryAfter = TimeSpan.FromMilliseconds(5) };
        using var gate = new HeavyStepGate(options);
        var ledger = new AwayLedger(files);
        var runner = new StepRunner(artifacts, ledger, new StepJournal(artifacts, ledger), gate, options, NullLogger<StepRunner>.Instance);
        var done = 0;
        var outcome = await runner.RunAsync(
            Step, new StatArtifactRequest { Digest = "x" },
            _ =>
            {
                done++;
                ledger.Failures = 3;
                return new StatArtifactResponse { SizeBytes = 7 };
            },
            new Progress<StepProgress>(), CancellationToken.None);
        Assert.Equal((7, 1, -1), (outcome.Result.SizeBytes, done, ledger.Failures));
        Assert.NotNull(await files.FindResultAsync(outcome.Key));
    }

    /// <summary>Cannot be reached a few times when a result comes.</summary>
    private sealed class AwayLedger(FileStepLedger files) : IStepLedger
    {
        public int Failures { get; set; }

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

        public Task RenewAsync(CancellationToken ct = default) => lease.RenewAsync(ct);

        public Task<Digest> CompleteAsync(Digest result, CancellationToken ct = default) =>
            ledger.Failures-- > 0 ? throw new StoreUnavailableException("away") : lease.CompleteAsync(result, ct);

        public ValueTask DisposeAsync() => lease.DisposeAsync();
    }
}
