using Fewshot.Artifacts;
using Fewshot.Compression.V1;
using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Workflows;
using JobResult = Fewshot.Gateway.Jobs.JobResult;

namespace Fewshot.Gateway.Grpc;

/// <summary>Reads a job's specification back and runs the workflow it names.</summary>
public sealed class JobWorkflows
{
    /// <summary>The kind of job that StartCompression starts with a <c>practise</c> specification.</summary>
    public const string Practise = "practise";

    private readonly IArtifactStore artifacts;
    private readonly PractiseWorkflow practise;
    private readonly StageWorkflow stages;

    internal JobWorkflows(IArtifactStore artifacts, PractiseWorkflow practise, StageWorkflow stages) =>
        (this.artifacts, this.practise, this.stages) = (artifacts, practise, stages);

    /// <summary>Runs a job to its result.</summary>
    public async Task<JobResult> RunAsync(JobRun run)
    {
        var spec = await artifacts.ReadBytesAsync(Digest.Parse(run.Job.Spec), ct: run.Stop);
        if (run.Job.Kind != Practise)
            return await stages.RunAsync(StartStageRequest.Parser.ParseFrom(spec), run);
        var plan = PractiseTranslation.ToPlan(CompressionSpec.Parser.ParseFrom(spec));
        return await practise.RunAsync(plan, await SavedProfileAsync(plan, run.Stop), run);
    }

    /// <summary>The saved latency profile that a plan names; null when it names none.</summary>
    internal async Task<ProfileFacts?> SavedProfileAsync(PractisePlan plan, CancellationToken ct) => plan.LatencyProfile is null
        ? null
        : PractiseTranslation.ToProfile(await artifacts.ReadBytesAsync(Digest.Parse(plan.LatencyProfile), ct: ct));
}
