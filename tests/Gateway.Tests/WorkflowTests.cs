using Fewshot.Gateway.Jobs;
using Fewshot.Gateway.Workflows;

namespace Fewshot.Gateway.Tests;

public sealed class WorkflowTests
{
    private static readonly BlockFacts[] Blocks =
        [.. FakeStages.Blocks.Where(b => b.Droppable).Select(b => new BlockFacts(b.Name, b.Stage, true, b.Macs, b.Params))];

    [Theory]
    [InlineData(1, "layer1.1 layer1.2 layer1.3|layer2.1 layer2.2|layer3.1")]
    [InlineData(3, "layer1.1 layer1.2 layer1.3|layer2.1 layer2.2|layer3.1")]
    [InlineData(4, "layer1.1 layer1.2|layer1.3|layer2.1 layer2.2|layer3.1")]
    [InlineData(5, "layer1.1|layer1.2|layer1.3|layer2.1 layer2.2|layer3.1")]
    [InlineData(99, "layer1.1|layer1.2|layer1.3|layer2.1|layer2.2|layer3.1")]
    public void TrialGroups_Slots_SplitTheLargestStages(int slots, string groups) =>
        Assert.Equal(groups, string.Join('|', TrialGroups.Of(Blocks, slots).Select(group => string.Join(' ', group))));

    [Fact]
    public void CombinedProgress_Parts_AddUpByTheirSizes()
    {
        var progress = new CombinedProgress("trials", [30, 10]);
        Assert.Equal((15, 40), Counts(progress.Report(0, 5, 10, "loss", 0.5)));
        Assert.Equal((20, 40), Counts(progress.Report(1, 1, 2, "loss", 0.5)));
        var last = progress.Report(0, 10, 10, "loss", 0.25);
        Assert.Equal((35, 40), Counts(last));
        Assert.Equal(("loss", 0.25), (last.MetricName, last.Metric));
        Assert.True(last.EtaSeconds > 0);
    }

    [Fact]
    public void CombinedProgress_PartFoundDone_DoesNotCountIntoTheRate()
    {
        var progress = new CombinedProgress("trials", [1000, 10]);
        Assert.Null(progress.Report(0, 1, 1, "", 0, found: true).EtaSeconds);
        Assert.Null(progress.Report(1, 1, 10, "loss", 1).EtaSeconds);
        Assert.NotNull(progress.Report(1, 2, 10, "loss", 1).EtaSeconds);
    }

    private static (long, long) Counts(ProgressNote note) => (note.Completed, note.Total);
}
