using System.Text;
using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;
using Fewshot.Gateway.Jobs;
using Fewshot.Mutations;
using Fewshot.ServiceDefaults;
using Fewshot.Stages.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Orleans;

namespace Fewshot.Gateway.Tests;

/// <summary>10,000 mutants of each record that a gateway reads back: jobs, their events, finished steps, page tokens.</summary>
[Collection(MutatedInputs.Name)]
public sealed class MutatedRecordTests
{
    private const int Mutants = 10_000;
    private static readonly string Spec = Digest.Of("a specification"u8).ToString();

    [Fact]
    public async Task JobRecord_Mutated_IsReadAndGoesOnOrIsDataLoss()
    {
        using var folder = new TemporaryFolder(inMemory: true);
        using var storage = new FileGrainStorage(folder.Path);
        using var artifacts = new FileArtifactStore(folder["artifacts"]);
        var (records, archive) = (new GrainRecords(storage), new JobArchive(artifacts, names: null));
        var job = new JobRecord(JobIds.Of("r1"), "r1", "practise", Spec, DateTimeOffset.UtcNow) { State = JobState.Running };
        var good = new StoredJob(job, CancelRequested: false, Epoch: 7, Sealed: 32, [
            new JobEvent(33, job.CreateTime, Job: job),
            new JobEvent(34, job.CreateTime, Step: new StepNote("trials/0", new string('a', 64), Done: true, Cached: false, 1.5)),
            new JobEvent(35, job.CreateTime, Progress: new ProgressNote("trials", 1, 2, "loss", double.NaN, EtaSeconds: null)),
        ]);
        var ended = good with
        {
            Job = job with
            {
                State = JobState.Failed, EndTime = job.CreateTime, StatusCode = 15, StatusMessage = "why",
                Result = new JobResult("m", "r", Models: [new TargetModel(0.5, "m")]),
            },
        };
        await records.OverwriteAsync(StoredJob.Kind, job.Id, new GrainState<StoredJob>(good));
        var file = Directory.GetFiles(folder.Path, "job_*").Single();
        var taken = Mutation.All([RecordSerializer.Write(good), RecordSerializer.Write(ended)], Mutants, seed: 41, bytes =>
        {
            File.WriteAllBytes(file, bytes);
            try
            {
                using var log = JobLog.OpenAsync(records, archive, job.Id).GetAwaiter().GetResult()!;
                Assert.Equal(job.Id, log.View.Job.Id);
                var last = log.View.LastSequence;
                log.Append(step: new StepNote("newest", "key", Done: true, Cached: false, 0));
                log.FlushAsync().GetAwaiter().GetResult();
                Assert.Equal("newest", log.ReadAsync(last + 1, TimeSpan.Zero, default).GetAwaiter().GetResult().Events.Single().Step!.Name);
                return true;
            }
            catch (DataLossException)
            {
                return false;
            }
        });
        Assert.InRange(taken, 1, Mutants - 1000);
    }

    [Fact]
    public async Task StepRecord_Mutated_IsAResultOrNone()
    {
        using var folder = new TemporaryFolder(inMemory: true);
        using var artifacts = new FileArtifactStore(folder["artifacts"]);
        var good = new StepRecord
        {
            Method = "/fewshot.trials.v1.BlockTrialService/RunTrials", SchemaVersion = 1, Duration = Duration.FromTimeSpan(TimeSpan.FromSeconds(3)),
            Result = new Trials.V1.RunTrialsResult { Images = 5, Outcomes = { new Trials.V1.TrialOutcome { Block = "layer1.1", Value = 0.5 } } }.ToByteString(),
            ArtifactDigests = { (await artifacts.PutBytesAsync("made"u8.ToArray())).ToString() },
        };
        var names = new OneName();
        var journal = new StepJournal(artifacts, names);
        var key = StepKey.Of("method", 1, []);
        var taken = 0;
        for (var index = 0; index < Mutants; index++)
        {
            var random = Mutation.Case(43, index);
            var bytes = index % 2 == 0 ? Mutation.Of(good, random) : Mutation.Of(good.ToByteArray(), random);
            // Flushing each to the disk would take most of the time.
            var digest = Digest.Of(bytes);
            await File.WriteAllBytesAsync(Path.Combine(folder["artifacts"], digest.Hex), bytes);
            names.Named = digest;
            var found = await journal.FindAsync(key, default);
            Assert.True(found is null ? names.Named is null : found.Duration is not null && found.ArtifactDigests.All(made => Digest.TryParse(made, out _)), $"seed 43, case {index}");
            taken += found is null ? 0 : 1;
            File.Delete(Path.Combine(folder["artifacts"], digest.Hex));
        }

        Assert.InRange(taken, 100, Mutants - 1000);
    }

    [Fact]
    public void PageTokensAndJobIds_Mutated_AreFoundOrRefused()
    {
        var index = new JobIndex();
        var id = JobIds.Of("r1");
        index.Change(before: null, new JobEntry(id, "local", DateTimeOffset.UtcNow, Ended: false));
        Mutation.All([Encoding.UTF8.GetBytes(id)], Mutants, seed: 44, bytes =>
        {
            var text = Encoding.UTF8.GetString(bytes);
            var page = index.List(text, 10, tenant: null);
            Assert.Equal(text == id, page is not null);
            Assert.Equal(text == id, index.Has(text));
            Assert.True(!JobIds.IsId(text) || Path.GetFileName(text) == text);
            return page is not null;
        });
    }

    /// <summary>Names of which only one is ever asked for, and a test says what it stands for.</summary>
    private sealed class OneName : IArtifactNames
    {
        public Digest? Named { get; set; }

        public Task<Digest?> FindAsync(string name, CancellationToken ct = default) => Task.FromResult(Named);

        public Task SetAsync(string name, Digest digest, CancellationToken ct = default) => Task.CompletedTask;

        public Task<Digest> SetFirstAsync(string name, Digest digest, CancellationToken ct = default) => Task.FromResult(digest);

        public Task RemoveAsync(string name, CancellationToken ct = default) => Task.CompletedTask;

        public Task RemoveAsync(string name, Digest digest, CancellationToken ct = default)
        {
            Named = null;
            return Task.CompletedTask;
        }

        public IAsyncEnumerable<(string Name, Digest Digest)> ListAsync(string prefix, CancellationToken ct = default) =>
            AsyncEnumerable.Empty<(string, Digest)>();
    }
}
