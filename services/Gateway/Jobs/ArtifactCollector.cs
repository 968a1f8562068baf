using System.Text.Json;
using Fewshot.Artifacts;
using Fewshot.Gateway.Grpc;
using Fewshot.Gateway.Queues;
using Fewshot.Gateway.Tenants;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Jobs;

/// <summary>
/// Forgets jobs that ended long ago and removes artifacts that nobody needs: no job that is kept, no name. An artifact goes only when two
/// collections, as far apart as the longest step may take, found it so, and nobody has put it meanwhile: what a running step has stored,
/// or an upload whose job is still to come, is younger. The names of steps' records and checkpoints keep nothing: they go with their
/// artifacts.
/// </summary>
public sealed class ArtifactCollector
{
    private const string Tombstones = "collection/tombstones";
    private const int Page = 200, LargestList = 64 << 20;
    private static readonly PlaceView Turn = new("turn", 1, Shared: true);
    private readonly JobStore jobs;
    private readonly PlaceQueues queues;
    private readonly IArtifactStore artifacts;
    private readonly IArtifactNames names;
    private readonly JobReferences references;
    private readonly TenantGrants grants;

    internal ArtifactCollector(
        JobStore jobs, PlaceQueues queues, IArtifactStore artifacts, IArtifactNames names, JobReferences references, TenantGrants grants)
    {
        (this.jobs, this.queues, this.artifacts) = (jobs, queues, artifacts);
        (this.names, this.references, this.grants) = (names, references, grants);
    }

    /// <summary>Collects once, unless another gateway is at it.</summary>
    /// <param name="keep">How long ended jobs are kept.</param>
    /// <param name="grace">How long an artifact stays that nobody needs.</param>
    /// <param name="now">The present.</param>
    /// <param name="ct">Stops it.</param>
    /// <returns>How many jobs were forgotten and artifacts removed.</returns>
    public async Task<(int Jobs, int Artifacts)> CollectAsync(TimeSpan keep, TimeSpan grace, DateTimeOffset now, CancellationToken ct = default)
    {
        var queue = queues.Of("collection");
        queue.SetPlaces([Turn]);
        await using (var ticket = queue.Join(Tenant.Local.Name, job: ""))
        {
            if (await ticket.TryTakeAsync(ct) is null)
                return (0, 0);
            var (needed, steps) = (new HashSet<Digest>(), new Dictionary<string, Digest>(StringComparer.Ordinal));
            var forgotten = await MarkAsync(needed, steps, job => job.Ended && job.EndTime < now - keep, ct);
            // Named before the artifacts are listed: what is not among them is lost, not new.
            var lost = steps.Values.ToHashSet();
            var before = await TombstonesAsync(ct);
            var (tombstones, doomed) = (new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal), new HashSet<Digest>());
            await foreach (var artifact in ((IArtifactRemoval)artifacts).ListAsync(ct))
            {
                lost.Remove(artifact.Digest);
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
                await MarkAsync(needed, steps, _ => false, ct);
            doomed.ExceptWith(needed);
            // Before their artifacts: whoever finds a step finds all that it made.
            foreach (var (name, digest) in steps)
            {
                if (lost.Contains(digest) || doomed.Contains(digest) || IsOutdated(name, steps))
                    await names.RemoveAsync(name, digest, ct);
            }

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

    /// <summary>A checkpoint that was saved for a step which another worker had finished.</summary>
    private static bool IsOutdated(string name, Dictionary<string, Digest> steps) =>
        name.StartsWith(StepNames.Checkpoints, StringComparison.Ordinal)
        && steps.ContainsKey(StepNames.Results + name[StepNames.Checkpoints.Length..]);

    /// <summary>Adds what jobs and names need, and the names of steps, which need nothing.</summary>
    /// <returns>How many jobs were forgotten.</returns>
    private async Task<int> MarkAsync(
        HashSet<Digest> needed, Dictionary<string, Digest> steps, Func<JobRecord, bool> forget, CancellationToken ct)
    {
        var forgotten = 0;
        // Read to the end before any is forgotten: the pages hang on the last job of the one before.
        List<JobView> all = [];
        while (await jobs.ListAsync(all.Count == 0 ? null : all[^1].Job.Id, Page, tenant: null, ct) is { Count: > 0 } page)
            all.AddRange(page);
        foreach (var job in all.Select(view => view.Job))
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

        await foreach (var (name, digest) in names.ListAsync("", ct))
        {
            if (StepNames.IsOne(name))
                steps[name] = digest;
            else
                needed.Add(digest);
        }

        return forgotten;
    }

    private async Task<Dictionary<string, DateTimeOffset>> TombstonesAsync(CancellationToken ct)
    {
        if (await names.FindAsync(Tombstones, ct) is not { } digest)
            return [];
        try
        {
            var list = await artifacts.ReadBytesAsync(digest, LargestList, ct);
            return JsonSerializer.Deserialize<Dictionary<string, DateTimeOffset>>(list) ?? [];
        }
        catch (Exception e) when (e is ArtifactNotFoundException or DataLossException or JsonException)
        {
            // Then everything is found for the first time, which only delays.
            return [];
        }
    }
}
