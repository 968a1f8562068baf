using Fewshot.Artifacts;
using Fewshot.Gateway.Cluster;
using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Tenants;
using Fewshot.ServiceDefaults;
using Google.Protobuf;
using Grpc.Core;

namespace Fewshot.Gateway.Grpc;

/// <summary>What a tenant may see. What it may not is as if it were not there. Where callers have no names, everybody sees all.</summary>
public sealed class TenantAccess(
    Callers callers, TenantLimits limits, JobStore jobs, TenantGrants grants, JobReferences references, GrainCalls grains)
{
    /// <summary>Whether callers have no names here.</summary>
    public bool SeesAll => !callers.Secured;

    /// <summary>The tenant that calls.</summary>
    public Tenant Of(ServerCallContext call) => limits.Of(call);

    /// <summary>A tenant's job.</summary>
    /// <exception cref="JobNotFoundException">There is none, or it is another's.</exception>
    public async Task<JobView> JobAsync(Tenant tenant, string id, CancellationToken ct = default)
    {
        var view = await jobs.GetAsync(id, ct);
        if (SeesAll)
            return view;
        if (view.Job.Tenant != tenant.Name)
            throw new JobNotFoundException(id);
        await GrantAgainAsync(view.Job, ct);
        return view;
    }

    /// <summary>Grants that were lost with a server's memory, or that are older than tenants, come back with a job that made something.</summary>
    public async Task GrantAgainAsync(JobRecord job, CancellationToken ct = default)
    {
        if (!SeesAll && job is { State: JobState.Succeeded, Result.Report: { } report } && Digest.TryParse(report, out var digest) && !await grants.HasAsync(job.Tenant, digest, ct))
            await GrantAsync(job, ct);
    }

    /// <summary>Whether a tenant sees an artifact; that says nothing about whether it is stored still.</summary>
    public async Task<bool> SeesAsync(Tenant tenant, Digest digest, CancellationToken ct) => SeesAll || await grants.HasAsync(tenant.Name, digest, ct);

    /// <summary>Checks that a tenant sees an artifact.</summary>
    /// <exception cref="ArtifactNotFoundException">It does not, whether there is one or not.</exception>
    public async Task CheckAsync(Tenant tenant, Digest digest, CancellationToken ct)
    {
        if (!await SeesAsync(tenant, digest, ct))
            throw new ArtifactNotFoundException(digest);
    }

    /// <summary>Checks every digest of a request.</summary>
    /// <exception cref="InvalidFieldException">One is malformed.</exception>
    /// <exception cref="ArtifactNotFoundException">One names an artifact that the tenant does not see.</exception>
    public async Task CheckAsync(Tenant tenant, IMessage request, CancellationToken ct)
    {
        if (SeesAll)
            return;
        foreach (var (text, field) in RequestDigests.Of(request))
            await CheckAsync(tenant, Fields.Digest(text, field), ct);
    }

    /// <summary>Takes an upload, before it comes; null where no callers have names.</summary>
    /// <exception cref="QuotaExceededException">The tenant's uploads would have more bytes than they may.</exception>
    public async Task<UploadReservation?> ReserveAsync(Tenant tenant, Digest digest, long sizeBytes, CancellationToken ct)
    {
        if (SeesAll)
            return null;
        var reservation = new UploadReservation(grains, tenant);
        try
        {
            // What the tenant has uploaded before is counted already.
            if (!await grants.HasAsync(tenant.Name, digest, ct))
                await reservation.ReserveAsync(sizeBytes, ct);
            return reservation;
        }
        catch
        {
            await reservation.DisposeAsync();
            throw;
        }
    }

    /// <summary>Shows a job's tenant what the job read and made.</summary>
    public async Task GrantAsync(JobRecord job, CancellationToken ct)
    {
        if (SeesAll)
            return;
        var digests = new HashSet<Digest>();
        await references.AddAsync(job, digests, ct);
        await grants.AddAsync(job.Tenant, digests, ct);
    }
}
