using System.Text;
using Fewshot.Artifacts;
using Fewshot.Gateway.Jobs;
using Fewshot.Mutations;
using Fewshot.ServiceDefaults;
using Fewshot.Stages.V1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;

namespace Fewshot.Gateway.Tests;

/// <summary>10,000 mutants of each record that a gateway reads back: jobs, their events, finished steps, page tokens.</summary>
[Collection(MutatedInputs.Name)]
public sealed class MutatedRecordTests
{
    private const int Mutants = 10_000;
    private static readonly string Spec = Digest.Of("a specification"u8).ToString();

    [Fact]
    public async Task JobRecord_Mutated_IsReadOrDataLoss()
    {
        using var folder = new TemporaryFolder(inMemory: true);
        using var jobs = new FileJobStore(folder.Path);
        var other = await jobs.CreateAsync("other", "practise", Spec);
        var job = await jobs.CreateAsync("r1", "practise", Spec);
        var ended = job with
        {
            State = JobState.Failed, EndTime = job.CreateTime, StatusCode = 15, StatusMessage = "why", Result = new JobResult("m", "r", Models: [new TargetModel(0.5, "m")]),
        };
        var file = folder[job.Id + ".json"];
        var taken = Mutation.All([File.ReadAllBytes(file), JobJson.Write(ended)], Mutants, seed: 41, bytes =>
        {
            File.WriteAllBytes(file, bytes);
            if (bytes.Length % 8 == 0)
            {
                Assert.Contains(jobs.ListAsync(null, 10).Result!, found => found.Id == other.Id);
                Assert.Contains(other.Id, jobs.UnfinishedAsync().Result);
            }

            try
            {
                Assert.Equal(job.Id, jobs.FindAsync(job.Id).GetAwaiter().GetResult()!.Id);
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
    public async Task JobEvents_Mutated_EveryWholeLineIsGiven()
    {
        using var folder = new TemporaryFolder(inMemory: true);
        using var jobs = new FileJobStore(folder.Path);
        var job = await jobs.CreateAsync("r1", "practise", Spec);
        var path = folder[job.Id + ".events"];
        using (var log = new FileJobEventLog(path))
        {
            log.Append(job: job with { State = JobState.Running });
            log.Append(step: new StepNote("trials/0", new string('a', 64), Done: true, Cached: false, 1.5));
            log.Append(progress: new ProgressNote("trials", 1, 2, "loss", double.NaN, EtaSeconds: null));
        }

        var good = File.ReadAllBytes(path);
        Mutation.All([good], Mutants, seed: 42, bytes =>
        {
            File.WriteAllBytes(path, bytes);
            Assert.InRange(FileJobEventLog.ReadLastSequence(path), long.MinValue, long.MaxValue);
            using (var log = new FileJobEventLog(path))
                log.Append(progress: new ProgressNote("newest", 2, 2, "", 0));
            var events = jobs.FollowAsync(job.Id, 0, TimeSpan.MinValue).ToBlockingEnumerable().TakeWhile(e => e is not null).ToList();
            // What is appended after the damage is there.
            return events.Count > 0 ? events[^1]!.Progress is { Stage: "newest" } : throw new InvalidOperationException("the newest event is lost");
        });
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
        var ledger = new OneResult();
        var journal = new StepJournal(artifacts, ledger);
        var key = StepKey.Of("method", 1, []);
        var taken = 0;
        for (var index = 0; index < Mutants; index++)
        {
            var random = Mutation.Case(43, index);
            var bytes = index % 2 == 0 ? Mutation.Of(good, random) : Mutation.Of(good.ToByteArray(), random);
            // Flushing each to the disk would take most of the time.
            var digest = Digest.Of(bytes);
            await File.WriteAllBytesAsync(Path.Combine(folder["artifacts"], digest.Hex), bytes);
            ledger.Result = digest;
            var found = await journal.FindAsync(key, default);
            Assert.True(found is null ? ledger.Result is null : found.Duration is not null && found.ArtifactDigests.All(made => Digest.TryParse(made, out _)), $"seed 43, case {index}");
            taken += found is null ? 0 : 1;
            File.Delete(Path.Combine(folder["artifacts"], digest.Hex));
        }

        Assert.InRange(taken, 100, Mutants - 1000);
    }

    [Fact]
    public async Task PageTokensAndJobIds_Mutated_AreFoundOrRefused()
    {
        using var folder = new TemporaryFolder(inMemory: true);
        using var jobs = new FileJobStore(folder.Path);
        var job = await jobs.CreateAsync("r1", "practise", Spec);
        Mutation.All([Encoding.UTF8.GetBytes(job.Id)], Mutants, seed: 44, bytes =>
        {
            var text = Encoding.UTF8.GetString(bytes);
            var page = jobs.ListAsync(text, 10).Result;
            Assert.Equal(text == job.Id, page is not null);
            Assert.Equal(text == job.Id, jobs.FindAsync(text).Result is not null);
            Assert.True(!JobStoreExtensions.IsId(text) || Path.GetFileName(text) == text);
            return page is not null;
        });
    }

    /// <summary>A ledger of one step, whose result a test sets.</summary>
    private sealed class OneResult : IStepLedger
    {
        public Digest? Result { get; set; }

        public Task<Digest?> FindResultAsync(StepKey key, CancellationToken ct = default) => Task.FromResult(Result);

        public Task<IStepLease?> TryAcquireAsync(StepKey key, string owner, CancellationToken ct = default) => Task.FromResult<IStepLease?>(null);

        public Task<Digest?> FindCheckpointAsync(StepKey key, CancellationToken ct = default) => Task.FromResult<Digest?>(null);

        public Task SetCheckpointAsync(IStepLease lease, Digest checkpoint, CancellationToken ct = default) => Task.CompletedTask;

        public Task ForgetResultAsync(StepKey key, Digest lost, CancellationToken ct = default)
        {
            Result = null;
            return Task.CompletedTask;
        }
    }
}
