using Fewshot.Gateway.Grpc;
using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Reports;

namespace Fewshot.Gateway.Workflows;

/// <summary>
/// Compresses the chosen blocks one after the other, best first, and lets the network learn again after each (arXiv 2403.18708, section 3.3).
/// A first block that was tried just so is not trained again.
/// </summary>
internal sealed class ProgressiveCompression(StageClients stages, DcVitPlan plan, IReadOnlyList<DcVitTrial> trials, JobRun run)
{
    private const string Stage = "finetune";

    /// <summary>Every target; targets do not wait for each other.</summary>
    public async Task<IReadOnlyList<CompressedTarget>> RunAsync(IReadOnlyList<ChosenTarget> targets, StepLog steps)
    {
        var parts = targets.Select(PartsOf).ToArray();
        var progress = new CombinedProgress(Stage, [.. parts.SelectMany(part => part).Where(part => part.Trial is null).Select(_ => (long)plan.Training.Iterations)]);
        var first = parts.Select((_, i) => parts.Take(i).SelectMany(part => part).Count(part => part.Trial is null)).ToArray();
        var logs = targets.Select(_ => new StepLog()).ToArray();
        var results = await SideBySide.RunAsync(
            targets.Index(), (target, stop) => CompressAsync(target.Item, parts[target.Index], logs[target.Index], new(progress, first[target.Index]), stop), run.Stop);
        foreach (var log in logs)
            steps.Add(log);
        return results;
    }

    /// <summary>What is trained together, and the trial that has done so already.</summary>
    private Part[] PartsOf(ChosenTarget target) => plan.AtOnce && target.Edits.Count > 1
        ? [new Part(target.Edits, null)]
        : [.. target.Edits.Select((edit, i) => new Part([edit], i == 0 ? trials.FirstOrDefault(trial => trial.Edit == edit) : null))];

    private async Task<CompressedTarget> CompressAsync(ChosenTarget target, Part[] parts, StepLog log, PartProgress progress, CancellationToken stop)
    {
        var prefix = plan.IsPareto ? target.Name + "/" : "";
        AccuracyFacts? before = null;
        // Which units stay is otherwise known only to the worker that trains.
        if (plan.Selection == HiddenSelection.Random || target.Structure is null)
            before = await EvaluateAsync($"evaluate/{prefix}before", plan.Network, target.Edits);
        var done = new List<ProgressiveFacts>();
        foreach (var (index, part) in parts.Index())
        {
            var blocks = part.Edits.Select(edit => edit.Block).ToArray();
            if (part.Trial is { } trial)
            {
                done.Add(new ProgressiveFacts(blocks, null, trial.Facts.FirstLoss, trial.Facts.LastLoss, null, trial.Step, trial.Facts.NetworkDigest));
            }
            else
            {
                var tuned = log.Add(await stages.CompressFurtherAsync(
                    run, $"{Stage}/{prefix}{index + 1}", plan, done.Count == 0 ? null : done[^1].NetworkDigest, part.Edits,
                    note => run.Progress(progress.Report(note)), stop));
                run.Progress(progress.Ended(tuned.Cached));
                done.Add(new ProgressiveFacts(blocks, null, tuned.Value.FirstLoss, tuned.Value.LastLoss, tuned.Seconds, tuned.Name, tuned.Value.NetworkDigest));
            }

            done[^1] = done[^1] with { Accuracy = await EvaluateAsync($"evaluate/{prefix}{index + 1}", done[^1].NetworkDigest, []) };
        }

        return new CompressedTarget(target, before, done, await stages.DescribeNetworkAsync(done[^1].NetworkDigest, stop, plan.MacsConvention));

        async Task<AccuracyFacts?> EvaluateAsync(string name, string network, IReadOnlyList<BlockEdit> edits) =>
            plan.Evaluation is null ? null : log.Add(await stages.EvaluateAsync(run, name, network, edits, plan.Evaluation, plan.Compute, stop)).Value;
    }

    private sealed record Part(IReadOnlyList<BlockEdit> Edits, DcVitTrial? Trial);

    /// <summary>One target's part of the progress of all.</summary>
    private sealed class PartProgress(CombinedProgress all, int first)
    {
        private int part = first;

        public ProgressNote Report(ProgressNote note) => all.Report(part, note.Completed, note.Total, note.MetricName, note.Metric);

        public ProgressNote Ended(bool found) => all.Report(part++, 1, 1, "", 0, found);
    }
}
