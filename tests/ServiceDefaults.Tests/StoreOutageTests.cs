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
    public async Task RunAsync_NamesAwayWhenTheWorkIsDone_StoresTheResultLaterWithoutDoingItAgain()
    {
        using var stores = new AwayStores(state.Path, patience: TimeSpan.FromMinutes(1));
        var done = 0;
        var outcome = await stores.RunAsync(_ =>
        {
            done++;
            stores.Names.FailingResults = 3;
        });
        Assert.Equal((7, 1, -1), (outcome.Result.SizeBytes, done, stores.Names.FailingResults));
        Assert.NotNull(await stores.Names.FindAsync(StepNames.ResultOf(outcome.Key)));
    }

    [Fact]
    public async Task RunAsync_NamesAwayForGoodWhenTheWorkIsDone_LetsGoOfTheStep()
    {
        using var stores = new AwayStores(state.Path, patience: TimeSpan.FromMilliseconds(20));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => stores.RunAsync(_ => stores.Names.FailingResults = int.MaxValue));
        stores.Names.FailingResults = 0;
        Assert.False((await stores.RunAsync(_ => { })).Cached);
    }

    [Fact]
    public async Task RunAsync_NamesAwayDuringTheWork_GoesOnWithoutACheckpoint()
    {
        using var stores = new AwayStores(state.Path, patience: TimeSpan.FromMinutes(1));
        var outcome = await stores.RunAsync(context =>
        {
            context.Checkpoints.Save(stream => stream.WriteByte(1));
            stores.Names.FailingCheckpoints = 1;
            context.Checkpoints.Save(stream => stream.WriteByte(2));
            Assert.Equal((byte)1, SharedSteps.CheckpointOf(context));
        });
        Assert.Equal((7, 0), (outcome.Result.SizeBytes, stores.Names.FailingCheckpoints));
    }

    [Fact]
    public async Task RunAsync_CheckpointCannotBeForgotten_TheResultCountsAllTheSame()
    {
        using var stores = new AwayStores(state.Path, patience: TimeSpan.FromMilliseconds(20));
        await stores.RunAsync(_ => stores.Names.FailingRemovals = int.MaxValue);
        Assert.True((await stores.RunAsync(_ => { })).Cached);
    }

    private sealed class AwayStores : IDisposable
    {
        private readonly FileArtifactStore artifacts;
        private readonly FileArtifactNames files;
        private readonly HeavyStepGate gate;
        private readonly StepRunner runner;

        public AwayStores(string folder, TimeSpan patience)
        {
            artifacts = new FileArtifactStore(Path.Combine(folder, "artifacts"));
            files = new FileArtifactNames(Path.Combine(folder, "names"));
            var options = new FewshotOptions { StateFolder = folder, RetryAfter = TimeSpan.FromMilliseconds(5), StorePatience = patience };
            gate = new HeavyStepGate(options);
            Names = new AwayNames(files);
            runner = new StepRunner(artifacts, new StepJournal(artifacts, Names), gate, options, NullLogger<StepRunner>.Instance);
        }

        public AwayNames Names { get; }

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
    private sealed class AwayNames(FileArtifactNames files) : IArtifactNames
    {
        public volatile int FailingResults, FailingCheckpoints, FailingRemovals;

        public Task<Digest?> FindAsync(string name, CancellationToken ct = default) => files.FindAsync(name, ct);

        public Task SetAsync(string name, Digest digest, CancellationToken ct = default) =>
            FailingCheckpoints-- > 0 ? throw new StoreUnavailableException("away") : files.SetAsync(name, digest, ct);

        public Task<Digest> SetFirstAsync(string name, Digest digest, CancellationToken ct = default) =>
            FailingResults-- > 0 ? throw new StoreUnavailableException("away") : files.SetFirstAsync(name, digest, ct);

        public Task RemoveAsync(string name, CancellationToken ct = default) =>
            FailingRemovals-- > 0 ? throw new StoreUnavailableException("away") : files.RemoveAsync(name, ct);

        public Task RemoveAsync(string name, Digest digest, CancellationToken ct = default) => files.RemoveAsync(name, digest, ct);

        public IAsyncEnumerable<(string Name, Digest Digest)> ListAsync(string prefix, CancellationToken ct = default) =>
            files.ListAsync(prefix, ct);
    }
}
