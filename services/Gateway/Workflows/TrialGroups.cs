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
}
