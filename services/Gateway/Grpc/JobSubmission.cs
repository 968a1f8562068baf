using Fewshot.Artifacts;
using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Workflows;
using Fewshot.ServiceDefaults;
using Grpc.Core;

namespace Fewshot.Gateway.Grpc;

/// <summary>Makes a request a job: checked, durable, then started.</summary>
internal sealed class JobSubmission(
    JobStore jobs, IArtifactStore artifacts, StageClients stages, JobWorkflows workflows, FewshotOptions options, IHostApplicationLifetime lifetime)
{
    /// <summary>Starts a job, or returns the one that the same request started before, continued where it was left behind.</summary>
    /// <exception cref="RetryLaterException">The gateway is stopping.</exception>
    public async Task<JobView> SubmitAsync(Tenant tenant, string requestId, string kind, byte[] spec, Func<Task> check, CancellationToken ct)
    {
        if (requestId.Length is 0 or > 128 || !requestId.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-'))
            throw new InvalidFieldException("request_id", "must be 1 to 128 characters of A-Z, a-z, 0-9, '.', '_' and '-'.");
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            throw new RetryLaterException("The gateway is stopping; another one, or its successor, takes the job.", options.RetryAfter, stopping: true);
        var job = await jobs.FindByRequestAsync(requestId, kind, Digest.Of(spec).ToString(), tenant.Name, ct);
        if (job is null)
        {
            await check();
            // The specification is stored before the job, and the job before the answer: what was accepted is not lost.
            var stored = (await artifacts.PutBytesAsync(spec, ct)).ToString();
            job = (await jobs.CreateAsync(requestId, kind, stored, tenant, ct)).Checked(kind, stored);
        }

        if (!job.Job.Ended)
            await jobs.EnsureAsync(job.Job.Id, ct);
        return job;
    }

    /// <summary>Checks what a plan builds on: its artifacts, and its target against the network where a worker can be asked.</summary>
    public async Task CheckAsync(CompressionPlan plan, CancellationToken ct)
    {
        await CheckStoredAsync(
            [
                (plan.Network, "spec.network_digest"),
                .. plan.Images is { } images ? [(images, "spec.image_set_digest")] : Array.Empty<(string, string)>(),
                .. plan.Evaluation is { } evaluation ? [(evaluation, "spec.evaluation_set_digest")] : Array.Empty<(string, string)>(),
                .. plan is PractisePlan { LatencyProfile: { } profile } ? [(profile, "spec.practise.latency_profile_digest")] : Array.Empty<(string, string)>(),
            ],
            ct);
        var saved = await workflows.SavedProfileAsync(plan as PractisePlan, ct);
        try
        {
            var network = await stages.DescribeNetworkAsync(plan.Network, ct, plan.MacsConvention, patient: false);
            if (plan is PractisePlan practise)
                PlanCheck.Against(network, practise, saved);
            else if (plan is DcVitPlan dcvit)
                DcVitCandidates.Of(network, dcvit);
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.Unavailable)
        {
            // No worker is up yet: the job makes the same check when it runs.
        }
    }

    /// <summary>Checks that artifacts are stored.</summary>
    /// <exception cref="InvalidFieldException">A digest is malformed.</exception>
    /// <exception cref="ArtifactNotFoundException">An artifact is not stored.</exception>
    public async Task CheckStoredAsync(IEnumerable<(string Digest, string Field)> inputs, CancellationToken ct)
    {
        foreach (var (text, field) in inputs)
        {
            var digest = Fields.Digest(text, field);
            if (await artifacts.StatAsync(digest, ct) is null)
                throw new ArtifactNotFoundException(digest);
        }
    }
}
