using System.Runtime.CompilerServices;
using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;

namespace Fewshot.Gateway.Jobs;

/// <summary>
/// The records of jobs as artifacts, found by name: what outlives everything else. A job counts as accepted once its record is here, and as
/// ended once its last record is.
/// </summary>
/// <param name="artifacts">Where the records are.</param>
/// <param name="names">Beside them; null where jobs are kept in memory alone.</param>
public sealed class JobArchive(IArtifactStore artifacts, IArtifactNames? names)
{
    private const string Prefix = "jobs/";
    private const int LargestRecord = 1 << 20;

    /// <summary>Keeps a record in the place of the one before.</summary>
    public async Task SaveAsync(JobRecord job, CancellationToken ct = default)
    {
        if (names is not null)
            await names.SetAsync(Prefix + job.Id, await artifacts.PutBytesAsync(RecordSerializer.Write(job), ct), ct);
    }

    /// <summary>A job's record; null when it is missing or damaged.</summary>
    public async Task<JobRecord?> FindAsync(string id, CancellationToken ct = default) =>
        names is not null && await names.FindAsync(Prefix + id, ct) is { } digest ? await ReadAsync(digest, ct) : null;

    /// <summary>Keeps a job's record no longer.</summary>
    public Task ForgetAsync(string id, CancellationToken ct = default) => names?.RemoveAsync(Prefix + id, ct) ?? Task.CompletedTask;

    /// <summary>Every record that can still be read.</summary>
    /// <param name="known">Says which jobs' need not be.</param>
    public async IAsyncEnumerable<JobRecord> AllAsync(Func<string, bool> known, [EnumeratorCancellation] CancellationToken ct = default)
    {
        if (names is null)
            yield break;
        await foreach (var (name, digest) in names.ListAsync(Prefix, ct))
        {
            if (!known(name[Prefix.Length..]) && await ReadAsync(digest, ct) is { } job)
                yield return job;
        }
    }

    private async Task<JobRecord?> ReadAsync(Digest digest, CancellationToken ct)
    {
        try
        {
            return RecordSerializer.Read<JobRecord>(await artifacts.ReadBytesAsync(digest, LargestRecord, ct));
        }
        catch (Exception e) when (e is ArtifactNotFoundException or DataLossException or InvalidDataException)
        {
            // One damaged record must not keep the others from coming back.
            return null;
        }
    }
}
