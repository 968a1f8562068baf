using Fewshot.Finetuning.V1;
using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Workflows;
using Fewshot.ServiceDefaults;
using Fewshot.Trials.V1;

namespace Fewshot.Gateway.Grpc;

/// <summary>What DC-ViT asks of the stages.</summary>
public sealed partial class StageClients
{
    /// <summary>Compresses each candidate alone, trains and judges it.</summary>
    public async Task<StepResult<(IReadOnlyList<CompressionFacts> Trials, int Images)>> TryCompressionsAsync(
        JobRun run, string name, DcVitPlan plan, string metricSet, IEnumerable<BlockEdit> candidates, Action<ProgressNote> progress, CancellationToken stop)
    {
        var request = new TryCompressionsRequest
        {
            NetworkDigest = plan.Network,
            ImageSetDigest = plan.TrainingSet,
            MetricSetDigest = metricSet,
            Candidates = { candidates.Select(StageTranslation.ToProto) },
            Metric = (Trials.V1.CompressionMetric)((int)plan.Metric + 1),
            Seed = plan.Seed,
            Training = plan.Training.ToProto(),
            FeaturePoint = plan.FeaturePoint.ToProto(),
            Compute = plan.Compute.ToProto(),
        };
        var step = await caller.RunAsync<TryCompressionsResponse, TryCompressionsResult>(
            workers.Trials, StageSteps.TryCompressions, request, name, run, (to, options) => new BlockTrialService.BlockTrialServiceClient(to).TryCompressions(request, options),
            message => new(message.Step, message.Progress, message.Result), made => progress(made.ToNote()), stop);
        return step.Select(result => (
            (IReadOnlyList<CompressionFacts>)[.. result.Outcomes.Select(o => new CompressionFacts(o.Block, o.Metric, o.FirstLoss, o.LastLoss, o.NetworkDigest))], result.Images));
    }

    /// <summary>Compresses further blocks of a network and trains it to mimic the original again.</summary>
    /// <param name="start">What earlier steps have left; null: the original.</param>
    public async Task<StepResult<FinetuneFacts>> CompressFurtherAsync(
        JobRun run, string name, DcVitPlan plan, string? start, IEnumerable<BlockEdit> edits, Action<ProgressNote> progress, CancellationToken stop)
    {
        var request = new FinetuneRequest
        {
            TeacherDigest = plan.Network,
            StartDigest = start ?? "",
            Edits = { edits.Select(StageTranslation.ToProto) },
            ImageSetDigest = plan.TrainingSet,
            Seed = plan.Seed,
            Mimic = plan.Training.ToProto(),
            FeaturePoint = plan.FeaturePoint.ToProto(),
            Compute = plan.Compute.ToProto(),
        };
        return (await FinetuneAsync(run, name, request, progress, stop)).Select(ToFacts);
    }
}
