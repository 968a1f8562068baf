using System.Text.Json;
using Fewshot.Artifacts;
using Fewshot.Gateway.Grpc;
using Fewshot.Gateway.Tenants;

namespace Fewshot.Gateway.Jobs;

/// <summary>
/// Forgets jobs that ended long ago and removes artifacts that nobody needs: no job that is kept, no name. An artifact goes only when two
/// collections, as far apart as the longest step may take, found it so, and nobody has put it meanwhile: what a running step has stored, or
/// an upload whose job is still to come, is younger.
/// </summary>
public sealed class ArtifactCollector
{
    private const string Tombstones = "collection/tombstones";
    private const int Page = 200, LargestList = 64 << 20;
    private static readonly StepKey Turn = StepKey.Of("/fewshot.compression.v1.CompressionService/Collection", 1, []);
    private readonly IJobStore jobs;
    private readonly IStepLedger ledger;
    private readonly IArtifactStore artifacts;
    private readonly IArtifactNames names;
    private readonly JobReferences references;
    private readonly IArtifactGrants grants;

    internal ArtifactCollector(IJobStore jobs, IStepLedger ledger, IArtifactStore artifacts, IArtifactNames names, JobReferences references, IArtifactGrants grants) =>
        (this.jobs, this.ledger, this.artifacts, this.names, this.references, this.grants) = (jobs, ledger, artifacts, names, references, grants);

    /// <summary>Collects once, unless another gateway is at it.</summary>
    /// <param name="keep">How long ended jobs are kept.</param>
    /// <param name="grace">How long an artifact stays that nobody needs.</param>
    /// <param name="now">The present.</param>
    /// <param name="ct">Stops it.</param>
    /// <returns>How many jobs were forgotten and artifacts removed.</returns>
    public async Task<(int Jobs, int Artifacts)> CollectAsync(TimeSpan keep, TimeSpan grace, DateTimeOffset now, CancellationToken ct = default)
    {
        if (await ledger.TryAcquireAsync(Turn, Environment.MachineName, ct) is not { } turn)
            return (0, 0);
        await using (turn)
        {
            var needed = new HashSet<Digest>();
            var forgotten = await MarkAsync(needed, job => job.Ended && job.EndTime < now - keep, ct);
            var before = await TombstonesAsync(ct);
            var (tombstones, doomed) = (new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal), new HashSet<Digest>());
            await foreach (var artifact in ((IArtifactRemoval)artifacts).ListAsync(ct))
            {
                if (needed.Contains(artifact.Digest) || artifact.LastPut > now - grace)
                    continue;
                var since = before.GetValueOrDefault(artifact.Digest.ToString(), now);
                if (since <= now - grace)
                    doomed.Add(artifact.Digest);
                else
                    tombstones.Add(artifact.Digest.ToString(), since);
            }

            // What jobs need that came meanwhile, too.
            if (doomed.Count > 0)
                await MarkAsync(needed, _ => false, ct);
            doomed.ExceptWith(needed);
            // Before the artifacts: one that comes again is granted again.
            if (doomed.Count > 0)
                await grants.RemoveAsync(doomed, ct);
            foreach (var digest in doomed)
                await ((IArtifactRemoval)artifacts).RemoveAsync(digest, ct);

            await ((IArtifactRemoval)artifacts).RemoveUnfinishedAsync(grace, ct);
            await names.SetAsync(Tombstones, await artifacts.PutBytesAsync(JsonSerializer.SerializeToUtf8Bytes(tombstones), ct), ct);
            return (forgotten, doomed.Count);
        }
    }

    private async Task<int> MarkAsync(HashSet<Digest> needed, Func<JobRecord, bool> forget, CancellationToken ct)
    {
        var forgotten = 0;
        // Read to the end before any is forgotten: the pages hang on the last job of the one before.
        List<JobRecord> all = [];
        while (await jobs.ListAsync(all.Count == 0 ? null : all[^1].Id, Page, tenant: null, ct) is { Count: > 0 } page)
            all.AddRange(page);
        foreach (var job in all)
        {
            if (forget(job))
            {
                await jobs.ForgetAsync(job.Id, ct);
                forgotten++;
            }
            else
            {
                await references.AddAsync(job, needed, ct);
            }
        }

        await foreach (var (_, digest) in names.ListAsync("", ct))
            needed.Add(digest);
        return forgotten;
    }

    private async Task<Dictionary<string, DateTimeOffset>> TombstonesAsync(CancellationToken ct)
    {
        await foreach (var (_, digest) in names.ListAsync(Tombstones, ct))
        {
            try
            {
                return JsonSerializer.Deserialize<Dictionary<string, DateTimeOffset>>(await artifacts.ReadBytesAsync(digest, LargestList, ct)) ?? [];
            }
            catch (Exception e) when (e is ArtifactNotFoundException or DataLossException or JsonException)
            {
                // Then everything is found for the first time, which only delays.
            }
        }

        return [];
    }
}
