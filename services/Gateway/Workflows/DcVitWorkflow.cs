using System.Diagnostics;
using Fewshot.Artifacts;
using Fewshot.Gateway.Grpc;
using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Reports;
using Fewshot.Planning;
using Fewshot.ServiceDefaults;
using Grpc.Core;

namespace Fewshot.Gateway.Workflows;

/// <summary>
/// DC-ViT (arXiv 2403.18708) from top to bottom, for one target or for several that share one round of trials. Every step is one call of a stage
/// and recorded, so running the method again after a crash continues it.
/// </summary>
public sealed class DcVitWorkflow(StageClients stages, ImageSynthesis synthesis, IArtifactStore artifacts)
{
    /// <summary>Compresses, measures and reports.</summary>
    public async Task<JobResult> RunAsync(DcVitPlan plan, JobRun run)
    {
        var started = Stopwatch.GetTimestamp();
        var network = await stages.DescribeNetworkAsync(plan.Network, run.Stop, plan.MacsConvention);
        var candidates = DcVitCandidates.Of(network, plan);
        var device = await stages.DescribeDeviceAsync(plan.Compute, run.Stop);
        var made = plan.SyntheticImages is { } wanted ? await synthesis.RunAsync(run, "synthesize/train", plan.Network, wanted, plan.Seed, plan.Compute) : null;
        plan = plan with { Images = made?.ImageSetDigest ?? plan.Images };
        var report = new DcVitReportBuilder(plan, network, candidates, device) { TrainingImages = made };

        if (plan.Evaluation is not null)
            report.Teacher = report.Steps.Add(await stages.EvaluateAsync(run, "evaluate/teacher", plan.Network, [], plan.Evaluation, plan.Compute)).Value;
        var metricSet = await MetricSetAsync(plan, run, report);
        var structures = candidates.Whole ? null : await new TargetStructures(stages, plan, network, candidates, device).FindAsync(run, report.Steps);
        // Blocks are tried at the structure of the target in the middle; the ranking serves all.
        report.Trials = await TrialsAsync(plan, candidates, metricSet, structures?[structures.Count / 2], run, report);
        report.Scores = Rank(network, candidates, report.Trials);

        var chosen = new List<ChosenTarget>();
        foreach (var (index, target) in plan.Targets.Index())
        {
            var blocks = structures is null
                ? await WholeBlocksAsync(plan, network, device, target, report, run)
                : BlockChoice.ByCount(report.Scores, structures[index].Blocks);
            var name = plan.IsPareto ? ChosenTarget.RatioName(((SizeTarget.Macs)target).Ratio) : "result";
            chosen.Add(new ChosenTarget(name, target, structures?[index], [.. blocks.Select(block => EditOf(plan, structures?[index], block))]));
        }

        report.Results = await new ProgressiveCompression(stages, plan, report.Trials, run).RunAsync(chosen, report.Steps);
        await MeasureResultsAsync(plan, device, run, report);
        var digest = await artifacts.PutBytesAsync(report.ToJson(Stopwatch.GetElapsedTime(started).TotalSeconds), run.Stop);
        return plan.IsPareto
            ? new JobResult(Report: digest.ToString(), Profile: report.ProfileDigest, Models: [.. report.Results.Select(Model)])
            : new JobResult(report.Results[0].NetworkDigest, digest.ToString(), report.ProfileDigest);
    }

    /// <summary>What candidates are judged on (section 4 of the method).</summary>
    private async Task<string> MetricSetAsync(DcVitPlan plan, JobRun run, DcVitReportBuilder report)
    {
        // Judged by the training loss, candidates need no images of their own.
        if (plan.Metric == CompressionMetric.TrainLoss)
            return plan.TrainingSet;
        report.MetricImages = report.Steps.Add(await synthesis.RunAsync(run, "synthesize/metric", plan.Network, plan.MetricImages, plan.MetricSeed, plan.Compute));
        return report.MetricImages.ImageSetDigest;
    }

    /// <summary>Every candidate alone, in network order whatever the order of arrival.</summary>
    private async Task<IReadOnlyList<DcVitTrial>> TrialsAsync(
        DcVitPlan plan, DcVitCandidates candidates, string metricSet, CompressedStructure? structure, JobRun run, DcVitReportBuilder report)
    {
        var edits = candidates.Blocks.ToDictionary(block => block.Name, block => EditOf(plan, structure, block.Name), StringComparer.Ordinal);
        var steps = await TrialGroups.RunAsync(
            candidates.Blocks, plan.Training.Iterations, run,
            (name, group, progress, stop) => stages.TryCompressionsAsync(run, name, plan, metricSet, group.Select(block => edits[block]), progress, stop));
        report.Samples = steps[0].Value.Images;
        return [.. steps.SelectMany(step => report.Steps.Add(step).Value.Trials.Select(trial => new DcVitTrial(edits[trial.Block], trial, step.Name)))];
    }

    /// <summary>Smallest metric first. Where nothing can be ranked, nothing was learned.</summary>
    private static IReadOnlyList<BlockScore> Rank(NetworkFacts network, DcVitCandidates candidates, IReadOnlyList<DcVitTrial> trials)
    {
        var metrics = trials.ToDictionary(trial => trial.Facts.Block, trial => trial.Facts.Metric, StringComparer.Ordinal);
        var scores = BlockScoring.Rank(candidates.Blocks.Select(block => (block.Name, metrics[block.Name], block.Macs / (double)network.Macs, 0.0)), perTau: false);
        return scores[0].Score is not null
            ? scores
            : throw new PreconditionException("No candidate's metric is a finite number: lower the learning rate, or look at the images.");
    }

    /// <summary>The fewest blocks, in the order of the ranking, whose loss meets the target.</summary>
    private async Task<IReadOnlyList<string>> WholeBlocksAsync(DcVitPlan plan, NetworkFacts network, DeviceFacts device, SizeTarget target, DcVitReportBuilder report, JobRun run)
    {
        var macs = network.Blocks.ToDictionary(block => block.Name, block => block.Macs, StringComparer.Ordinal);
        if (target is SizeTarget.Macs { Ratio: var ratio })
        {
            // What is left is compared, as in the check before any work: rounding 1 - ratio must not cost a block.
            return BlockChoice.ByCount(report.Scores, Enumerable.Range(1, report.Scores.Count).First(
                count => network.Macs - report.Scores.Take(count).Sum(score => macs[score.Name]) <= ratio * network.Macs));
        }

        var round = 0;
        return (await BlockChoice.ByMeasuredReductionAsync(report.Scores, MeasureAsync, ((SizeTarget.Latency)target).Reduction)).Blocks;

        async Task<IReadOnlyList<double>> MeasureAsync(IReadOnlyList<IReadOnlyList<string>> sets)
        {
            var (profile, _) = await stages.ProfileAsync(
                run, $"profile/joint-{round++}", plan, device, sets.Select(set => new LatencyCandidate($"{set.Count} blocks", BlockEdit.Drops(network.InOrder(set)))));
            return [.. report.Steps.Add(profile).Value.Candidates.Select(c => c.Tau)];
        }
    }

    /// <summary>All results beside the original, interleaved in one go; nothing where this machine cannot measure.</summary>
    private async Task MeasureResultsAsync(DcVitPlan plan, DeviceFacts device, JobRun run, DcVitReportBuilder report)
    {
        try
        {
            var (profile, json) = await stages.ProfileAsync(
                run, "profile/result", plan, device, report.Results.Select(result => new LatencyCandidate(result.Chosen.Name, [.. result.Chosen.Edits.Select(edit => edit.Shape)])));
            report.Latency = report.Steps.Add(profile).Value;
            report.ProfileDigest = (await artifacts.PutBytesAsync(System.Text.Encoding.UTF8.GetBytes(json), run.Stop)).ToString();
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.FailedPrecondition)
        {
            report.Notes.Add("Latency could not be measured: " + e.Status.Detail);
        }
    }

    private static TargetModel Model(CompressedTarget result) => new(((SizeTarget.Macs)result.Chosen.Target).Ratio, result.NetworkDigest);

    private static BlockEdit EditOf(DcVitPlan plan, CompressedStructure? structure, string block) => structure is null
        ? new BlockEdit.Drop(block)
        : new BlockEdit.Compress(block, structure.KeptHidden, plan.Selection, plan.Seed);
}
