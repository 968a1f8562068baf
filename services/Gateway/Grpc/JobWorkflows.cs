using Fewshot.Artifacts;
using Fewshot.Compression.V1;
using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Workflows;
using Fewshot.ServiceDefaults;
using JobResult = Fewshot.Gateway.Jobs.JobResult;

namespace Fewshot.Gateway.Grpc;

/// <summary>Reads a job's specification back and runs the workflow it names.</summary>
public sealed class JobWorkflows
{
    private const string Practise = "practise", DcVit = "dcvit", Pareto = "pareto";

    private readonly IArtifactStore artifacts;
    private readonly PractiseWorkflow practise;
    private readonly DcVitWorkflow dcvit;
    private readonly StageWorkflow stages;

    internal JobWorkflows(IArtifactStore artifacts, PractiseWorkflow practise, DcVitWorkflow dcvit, StageWorkflow stages) =>
        (this.artifacts, this.practise, this.dcvit, this.stages) = (artifacts, practise, dcvit, stages);

    /// <summary>The kind of job that StartCompression starts with a plan.</summary>
    public static string KindOf(CompressionPlan plan) => plan switch
    {
        DcVitPlan { IsPareto: true } => Pareto,
        DcVitPlan => DcVit,
        _ => Practise,
    };

    /// <summary>Whether a kind of job is a method's, not a single stage's.</summary>
    internal static bool IsMethod(string kind) => kind is Practise or DcVit or Pareto;

    /// <summary>Runs a job to its result.</summary>
    public async Task<JobResult> RunAsync(JobRun run)
    {
        using var span = JobTrace.Start(run.Job.Id, run.Job.Kind);
        try
        {
            return await RunWorkflowAsync(run);
        }
        catch (Exception e)
        {
            span.Failed(e);
            throw;
        }
    }

    /// <summary>The saved latency profile that a plan names; null when it names none.</summary>
    internal async Task<ProfileFacts?> SavedProfileAsync(PractisePlan? plan, CancellationToken ct) => plan?.LatencyProfile is not { } profile
        ? null
        : PractiseTranslation.ToProfile(await artifacts.ReadBytesAsync(Digest.Parse(profile), ct: ct));

    private async Task<JobResult> RunWorkflowAsync(JobRun run)
    {
        if (!Digest.TryParse(run.Job.Spec, out var stored))
            throw new DataLossException("The job's record is damaged: it names no specification.");
        var spec = await artifacts.ReadBytesAsync(stored, ct: run.Stop);
        if (!IsMethod(run.Job.Kind))
            return await stages.RunAsync(StartStageRequest.Parser.ParseFrom(spec), run);
        return CompressionTranslation.ToPlan(CompressionSpec.Parser.ParseFrom(spec)) switch
        {
            PractisePlan plan => await practise.RunAsync(plan, await SavedProfileAsync(plan, run.Stop), run),
            DcVitPlan plan => await dcvit.RunAsync(plan, run),
            var plan => throw new InvalidOperationException($"No workflow for {plan}."),
        };
    }
}
