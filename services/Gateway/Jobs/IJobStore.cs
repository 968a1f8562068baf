using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using Fewshot.Artifacts;
using Fewshot.Gateway.Tenants;
using Fewshot.ServiceDefaults;

namespace Fewshot.Gateway.Jobs;

/// <summary>
/// Jobs, their events and wishes to cancel them, shared by any number of gateways. Who holds a job's claim, a lease of the step ledger, is its
/// only writer. Any call may throw <see cref="StoreUnavailableException"/>; whatever was done by then, it may be repeated.
/// </summary>
public interface IJobStore
{
    /// <summary>Makes a job durable, or returns the one that the same request id of the same tenant made before, whatever its body.</summary>
    /// <param name="requestId">The caller's name for it.</param>
    /// <param name="kind">What runs.</param>
    /// <param name="spec">Digest of the request's bytes.</param>
    /// <param name="tenant">Whose it is, with its limit of unfinished jobs; <see cref="Tenant.Local"/> where null.</param>
    /// <param name="ct">Gives up; the job may be made or not.</param>
    /// <exception cref="QuotaExceededException">The tenant has as many unfinished jobs as it may have.</exception>
    Task<JobRecord> CreateAsync(string requestId, string kind, string spec, Tenant? tenant = null, CancellationToken ct = default);

    /// <summary>A job by its id; null when there is none.</summary>
    Task<JobRecord?> FindAsync(string id, CancellationToken ct = default);

    /// <summary>Jobs, newest first.</summary>
    /// <param name="after">The last one of the page before; null for the first page.</param>
    /// <param name="count">At most so many.</param>
    /// <param name="tenant">Only this tenant's; null for all.</param>
    /// <param name="ct">Gives up.</param>
    /// <returns>Null where no such job has the id <paramref name="after"/>.</returns>
    Task<IReadOnlyList<JobRecord>?> ListAsync(string? after, int count, string? tenant = null, CancellationToken ct = default);

    /// <summary>Ids of the jobs that have not ended, oldest first.</summary>
    Task<IReadOnlyList<string>> UnfinishedAsync(CancellationToken ct = default);

    /// <summary>Notes durably that a job shall stop.</summary>
    Task RequestCancelAsync(string id, CancellationToken ct = default);

    /// <summary>Whether a job shall stop.</summary>
    Task<bool> IsCancelRequestedAsync(string id, CancellationToken ct = default);

    /// <summary>Opens a job for writing.</summary>
    /// <exception cref="LeaseLostException">The claim has passed to another gateway.</exception>
    Task<IJobWriter> OpenAsync(string id, IStepLease claim, CancellationToken ct = default);

    /// <summary>
    /// Follows a job's events from a sequence number on, as they come; ends when the job has ended and everything has been given. Gives null after
    /// each silence.
    /// </summary>
    IAsyncEnumerable<JobEvent?> FollowAsync(string id, long fromSequence, TimeSpan silence, CancellationToken ct = default);

    /// <summary>Removes an ended job and its events. Its request id may be used again.</summary>
    Task ForgetAsync(string id, CancellationToken ct = default);

    /// <summary>The number of a job's newest event; 0 where there is none.</summary>
    Task<long> LastSequenceAsync(string id, CancellationToken ct = default);
}

/// <summary>Where the holder of a job's claim writes. Disposing it writes what is left, if that can be done soon.</summary>
public interface IJobWriter : IAsyncDisposable
{
    /// <summary>Appends an event. Steps are kept; progress may be left out where it cannot be written.</summary>
    /// <exception cref="StoreFullException">The disk is full.</exception>
    void Append(ProgressNote? progress = null, StepNote? step = null);

    /// <summary>Replaces the job's record and appends that as an event, which nobody sees before the record, nor an end without its event.</summary>
    /// <exception cref="LeaseLostException">The claim has passed to another gateway.</exception>
    Task RecordAsync(JobRecord job, CancellationToken ct = default);

    /// <summary>Waits until everything appended so far can be read by others.</summary>
    /// <exception cref="LeaseLostException">The claim has passed to another gateway; what was appended since is lost.</exception>
    Task FlushAsync(CancellationToken ct = default);
}

/// <summary>Ids and look-ups of jobs.</summary>
public static class JobStoreExtensions
{
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789abcdef");

    /// <summary>The id of the job that a tenant's request id names. Request ids hold no slash; the local tenant's stand for themselves.</summary>
    public static string IdOf(string requestId, string? tenant = null) => "job-" + Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes(tenant is null || tenant == Tenant.Local.Name ? requestId : $"{tenant}/{requestId}")))[..20];

    /// <summary>Whether a text can be a job's id.</summary>
    public static bool IsId(string id) => id.Length == 24 && id.StartsWith("job-", StringComparison.Ordinal) && !id.AsSpan(4).ContainsAnyExcept(HexDigits);

    /// <summary>A tenant's job that is to be made now.</summary>
    public static JobRecord NewRecord(string requestId, string kind, string spec, Tenant? tenant) =>
        new(IdOf(requestId, tenant?.Name), requestId, kind, spec, DateTimeOffset.UtcNow) { Tenant = (tenant ?? Tenant.Local).Name };

    /// <summary>Why a tenant may have no further job.</summary>
    public static QuotaExceededException TooManyJobs(int limit) =>
        new($"This tenant has {limit} jobs that have not ended; its limit is {limit}: wait for one, or cancel one.");

    /// <summary>The key of the lease that is a job's claim.</summary>
    public static StepKey ClaimOf(string id) => StepKey.Of("/fewshot.compression.v1.CompressionService/Job", 1, Encoding.ASCII.GetBytes(id));

    /// <summary>A job by its id.</summary>
    /// <exception cref="JobNotFoundException">There is none.</exception>
    public static async Task<JobRecord> GetAsync(this IJobStore jobs, string id, CancellationToken ct = default) =>
        await jobs.FindAsync(id, ct) ?? throw new JobNotFoundException(IsId(id) ? id : "(malformed id)");

    /// <summary>The job that a request made before; null when it has not.</summary>
    /// <exception cref="RequestIdTakenException">The request id was used with another body.</exception>
    public static async Task<JobRecord?> FindByRequestAsync(
        this IJobStore jobs, string requestId, string kind, string spec, string? tenant = null, CancellationToken ct = default) =>
        await jobs.FindAsync(IdOf(requestId, tenant), ct) is { } job ? job.Checked(kind, spec) : null;

    /// <summary>A job that its request id named, if it is of the same request.</summary>
    /// <exception cref="RequestIdTakenException">The request id was used with another body.</exception>
    public static JobRecord Checked(this JobRecord job, string kind, string spec) =>
        job.Kind == kind && job.Spec == spec ? job : throw new RequestIdTakenException(job.RequestId);
}
