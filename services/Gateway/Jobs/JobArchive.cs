using System.Runtime.CompilerServices;
using Fewshot.Artifacts;

namespace Fewshot.Gateway.Jobs;

/// <summary>The records of jobs as artifacts, found by name: what a job server that lost its memory is filled from.</summary>
/// <param name="artifacts">Where the records are.</param>
/// <param name="names">Beside them.</param>
public sealed class JobArchive(IArtifactStore artifacts, IArtifactNames names)
{
    private const string Prefix = "jobs/";
    private const int LargestRecord = 1 << 20;

    /// <summary>Keeps a record in the place of the one before.</summary>
    public async Task SaveAsync(JobRecord job, CancellationToken ct) =>
        await names.SetAsync(Prefix + job.Id, await artifacts.PutBytesAsync(JobJson.Write(job), ct), ct);

    /// <summary>Keeps a job's record no longer.</summary>
    public Task ForgetAsync(string id, CancellationToken ct) => names.RemoveAsync(Prefix + id, ct);

    /// <summary>Every record that can still be read.</summary>
    public async IAsyncEnumerable<JobRecord> AllAsync([EnumeratorCancellation] CancellationToken ct)
    {
        await foreach (var (_, digest) in names.ListAsync(Prefix, ct))
        {
            if (await ReadAsync(digest, ct) is { } job)
                yield return job;
        }
    }

    private async Task<JobRecord?> ReadAsync(Digest digest, CancellationToken ct)
    {
        try
        {
            return JobJson.Read<JobRecord>(await artifacts.ReadBytesAsync(digest, LargestRecord, ct));
        }
        catch (Exception e) when (e is ArtifactNotFoundException or DataLossException or InvalidDataException)
        {
            // One damaged record must not keep the others from coming back.
            return null;
        }
    }
}
