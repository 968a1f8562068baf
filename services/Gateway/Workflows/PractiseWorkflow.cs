using System.Diagnostics;
using Fewshot.Artifacts;
using Fewshot.Gateway.Grpc;
using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Reports;
using Fewshot.Planning;
using Grpc.Core;

namespace Fewshot.Gateway.Workflows;

/// <summary>
/// PRACTISE (arXiv 2202.07861) from top to bottom. Every step is one call of a stage and recorded, so running the method again
/// after a crash continues it.
/// </summary>
public sealed class PractiseWorkflow(StageClients stages, ImageSynthesis synthesis, IArtifactStore artifacts)
{
    /// <summary>Compresses, measures and reports.</summary>
    /// <param name="plan">What to do.</param>
    /// <param name="saved">The saved latency profile, for <see cref="TauSource.Profile"/>.</param>
    /// <param name="run">The job.</param>
    public async Task<JobResult> RunAsync(PractisePlan plan, ProfileFacts? saved, JobRun run)
    {
        var started = Stopwatch.GetTimestamp();
        var network = await stages.DescribeNetworkAsync(plan.Network, run.Stop);
        PlanCheck.Against(network, plan, saved);
        var device = await stages.DescribeDeviceAsync(plan.Compute, run.Stop);
        var made = plan.SyntheticImages is { } wanted ? await synthesis.RunAsync(run, "synthesize/train", plan.Network, wanted, plan.Seed, plan.Compute) : null;
        plan = plan with { Images = made?.ImageSetDigest ?? plan.Images };
        var report = new PractiseReportBuilder(plan, network, device) { TrainingImages = made };

        report.Teacher = await EvaluateAsync(plan, run, report, "evaluate/teacher", plan.Network, []);
        if (plan.Target is DropTarget.Named named)
        {
            // The user has chosen: nothing needs to be judged.
            report.Dropped = network.InOrder(named.Blocks);
        }
        else
        {
            var costs = await CostsAsync(plan, network, device, saved, run, report);
            report.Trials = await TrialsAsync(plan, network, run, report);
            report.Scores = BlockScoring.Rank(report.Trials.Select(t => (t.Block, t.Value)), costs, perTau: plan.Criterion == Criterion.Practise);
            report.Dropped = network.InOrder(await ChooseAsync(plan, network, device, report, run));
        }

        var edits = BlockEdit.Drops(report.Dropped);
        report.BeforeFinetune = await EvaluateAsync(plan, run, report, "evaluate/before", plan.Network, edits);
        var tuned = report.Finetune = report.Steps.Add(await stages.FinetuneAsync(run, "finetune", plan, edits)).Value;
        report.Result = await EvaluateAsync(plan, run, report, "evaluate/after", tuned.NetworkDigest, []);
        report.ResultNetwork = await stages.DescribeNetworkAsync(tuned.NetworkDigest, run.Stop);
        report.Latency = await MeasureResultAsync(plan, device, report, run);

        var digest = await artifacts.PutBytesAsync(report.ToJson(Stopwatch.GetElapsedTime(started).TotalSeconds), run.Stop);
        return new JobResult(tuned.NetworkDigest, digest.ToString(), report.ProfileDigest);
    }

    private async Task<AccuracyFacts?> EvaluateAsync(PractisePlan plan, JobRun run, PractiseReportBuilder report, string name, string network, IEnumerable<BlockEdit> edits) =>
        plan.Evaluation is null ? null : report.Steps.Add(await stages.EvaluateAsync(run, name, network, edits, plan.Evaluation, plan.Compute)).Value;

    /// <summary>What dropping each block saves: section 2, step 1 of the method.</summary>
    private async Task<IReadOnlyList<BlockCost>> CostsAsync(
        PractisePlan plan, NetworkFacts network, DeviceFacts device, ProfileFacts? saved, JobRun run, PractiseReportBuilder report)
    {
        if (plan.Tau == TauSource.Macs)
            return [.. network.Droppable.Select(block => new BlockCost(block.Name, block.Macs / (double)network.Macs, 0))];
        if (saved is null)
        {
            var candidates = network.Droppable.Select(block => new LatencyCandidate(block.Name, BlockEdit.Drops([block.Name])));
            var (profile, json) = await stages.ProfileAsync(run, "profile", plan, device, candidates);
            report.ProfileDigest = (await artifacts.PutBytesAsync(System.Text.Encoding.UTF8.GetBytes(json), run.Stop)).ToString();
            saved = report.Steps.Add(profile).Value;
        }

        report.TauDevice = saved.Device;
        return [.. saved.Candidates.Select(c => new BlockCost(c.Name, c.Tau, c.TauStderr))];
    }

    /// <summary>Every candidate's value, in network order whatever the order of arrival: step 2.</summary>
    private async Task<IReadOnlyList<TrialFacts>> TrialsAsync(PractisePlan plan, NetworkFacts network, JobRun run, PractiseReportBuilder report)
    {
        var steps = await TrialGroups.RunAsync(
            network.Droppable, plan.Trial.Iterations, run,
            (name, group, progress, stop) => stages.RunTrialsAsync(run, name, plan, group, progress, stop));
        var values = steps.SelectMany(step => report.Steps.Add(step).Value.Trials).ToDictionary(trial => trial.Block, StringComparer.Ordinal);
        return [.. network.Droppable.Select(block => values[block.Name])];
    }

    /// <summary>How many blocks go: step 3.</summary>
    private async Task<IReadOnlyList<string>> ChooseAsync(PractisePlan plan, NetworkFacts network, DeviceFacts device, PractiseReportBuilder report, JobRun run)
    {
        var scores = report.Scores;
        var blocks = network.Blocks.ToDictionary(block => block.Name, StringComparer.Ordinal);
        switch (plan.Target)
        {
            case DropTarget.Count count:
                return BlockChoice.ByCount(scores, count.Blocks);
            case DropTarget.Macs macs:
                return BlockChoice.ByReduction(scores, names => names.Sum(name => blocks[name].Macs) / (double)network.Macs, macs.Reduction);
            case DropTarget.Params parameters:
                return BlockChoice.ByReduction(scores, names => names.Sum(name => blocks[name].Params) / (double)network.Params, parameters.Reduction);
            case DropTarget.Latency latency when plan.Tau == TauSource.Profile:
                // The joint network cannot be measured on a device that is not here.
                report.Notes.Add("The blocks were chosen by the sum of the saved profile's latency reductions; measure the result on its device.");
                var taus = scores.ToDictionary(score => score.Name, score => score.Tau, StringComparer.Ordinal);
                return BlockChoice.ByReduction(scores, names => names.Sum(name => taus[name]), latency.Reduction);
            case DropTarget.Latency latency:
                var round = 0;
                return (await BlockChoice.ByMeasuredReductionAsync(scores, MeasureAsync, latency.Reduction)).Blocks;

                async Task<IReadOnlyList<double>> MeasureAsync(IReadOnlyList<IReadOnlyList<string>> sets)
                {
                    var candidates = sets.Select(set => new LatencyCandidate($"{set.Count} blocks", BlockEdit.Drops(network.InOrder(set))));
                    var (profile, _) = await stages.ProfileAsync(run, $"profile/joint-{round++}", plan, device, candidates);
                    return [.. report.Steps.Add(profile).Value.Candidates.Select(c => c.Tau)];
                }

            default:
                throw new InvalidOperationException($"Unknown target {plan.Target}.");
        }
    }

    /// <summary>The result beside the original, interleaved; null where this machine cannot measure.</summary>
    private async Task<ProfileFacts?> MeasureResultAsync(PractisePlan plan, DeviceFacts device, PractiseReportBuilder report, JobRun run)
    {
        try
        {
            var (profile, _) = await stages.ProfileAsync(run, "profile/result", plan, device, [new LatencyCandidate("result", BlockEdit.Drops(report.Dropped))]);
            return report.Steps.Add(profile).Value;
        }
        catch (RpcException e) when (e.StatusCode == StatusCode.FailedPrecondition)
        {
            report.Notes.Add("Latency could not be measured: " + e.Status.Detail);
            return null;
        }
    }
}
