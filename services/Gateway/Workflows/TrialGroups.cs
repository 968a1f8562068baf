using Fewshot.Gateway.Jobs;

namespace Fewshot.Gateway.Workflows;

/// <summary>
/// Which candidates are tried together. Candidates of one stage share the teacher's pass and the frozen prefix, so a group is one stage's;
/// groups are split until every slot has one. Results do not depend on the grouping.
/// </summary>
public static class TrialGroups
{
    /// <summary>Groups in network order, never empty.</summary>
    /// <param name="candidates">Blocks in network order.</param>
    /// <param name="slots">Workers that can run a group each.</param>
    public static IReadOnlyList<IReadOnlyList<string>> Of(IEnumerable<BlockFacts> candidates, int slots)
    {
        var groups = candidates.GroupBy(block => block.Stage).OrderBy(stage => stage.Key)
            .Select(stage => stage.Select(block => block.Name).ToArray()).ToList();
        while (groups.Count < slots && groups.Count > 0)
        {
            var largest = groups.Index().MaxBy(group => group.Item.Length);
            if (largest.Item.Length < 2)
                break;
            var half = (largest.Item.Length + 1) / 2;
            groups[largest.Index] = largest.Item[..half];
            groups.Insert(largest.Index + 1, largest.Item[half..]);
        }

        return groups;
    }

    /// <summary>Tries all groups, as many at a time as there are slots; their progress is one.</summary>
    /// <param name="candidates">Blocks in network order.</param>
    /// <param name="iterations">Of each candidate.</param>
    /// <param name="run">The job.</param>
    /// <param name="tryGroup">Tries one group: the step's name, the group, where progress goes, and what stops it.</param>
    /// <returns>Every group's step, in network order whatever the order of arrival.</returns>
    public static Task<StepResult<T>[]> RunAsync<T>(
        IEnumerable<BlockFacts> candidates, int iterations, JobRun run,
        Func<string, IReadOnlyList<string>, Action<ProgressNote>, CancellationToken, Task<StepResult<T>>> tryGroup)
    {
        var groups = Of(candidates, run.Job.TrialSlots ?? 1);
        var progress = new CombinedProgress("trials", [.. groups.Select(group => (long)group.Count * iterations)]);
        return SideBySide.RunAsync(
            groups.Index(),
            async (group, stop) =>
            {
                var step = await tryGroup(
                    $"trials/{group.Index}", group.Item, note => run.Progress(progress.Report(group.Index, note.Completed, note.Total, note.MetricName, note.Metric)), stop);
                run.Progress(progress.Report(group.Index, 1, 1, "", 0, found: step.Cached));
                return step;
            },
            run.Stop);
    }
}
