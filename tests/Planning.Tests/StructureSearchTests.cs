namespace Fewshot.Planning.Tests;

public class StructureSearchTests
{
    private static readonly Transformer Vit = Transformers.VitB16;

    [Theory]
    [InlineData(0.2, 1.0)]
    [InlineData(0.2, 0.7)]
    [InlineData(0.1, 1.6)]
    [InlineData(0.5, 0.8)]
    [InlineData(0.05, 0.3)]
    public async Task ByMeasuredReductionAsync_LatencyFollowsMacsByAFactor_ClosesInWithinAHandful(double target, double factor)
    {
        var rounds = new List<int>();
        var found = await Search(s => factor * Taken(s), target, rounds);
        Assert.InRange(found.Reduction, target, target + (2 * factor * StructureSearch.Resolution));
        Assert.InRange(rounds[0], 2, 3);
        Assert.InRange(rounds.Sum(), 2, 9);
        Assert.Equal(rounds.Sum(), found.Measured.Count);
        Assert.All(found.Measured.Where(m => m.Structure.Macs > found.Structure.Macs), m => Assert.True(m.Reduction < target));
    }

    [Fact]
    public async Task ByMeasuredReductionAsync_AttentionIsWorthMoreThanItsMacs_StillMeetsTheTarget()
    {
        // Latency jumps with every attention module: half of what a block takes is its attention, though a third of its MACs.
        var found = await Search(s => 0.6 * ((s.Blocks * 0.5) + (s.Blocks * 0.5 * (1 - (s.KeptHidden / 3072.0)))) / 12, 0.15, []);
        Assert.InRange(found.Reduction, 0.15, 0.19);
    }

    [Fact]
    public async Task ByMeasuredReductionAsync_Unreachable_GivesTheLargestMeasured()
    {
        var error = await Assert.ThrowsAsync<PlanningException>(() => Search(s => 0.1 * Taken(s), 0.5, []));
        Assert.Contains("the largest measured one is 8.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ByMeasuredReductionAsync_OneStructureOnly_MeasuresIt()
    {
        var found = await StructureSearch.ByMeasuredReductionAsync(1000, [new("a", 150, 50, 100, 1)], s => Task.FromResult<IReadOnlyList<double>>(s.Select(_ => 0.3).ToArray()), 0.2);
        Assert.Equal((1, 1), (found.Structure.Blocks, found.Structure.KeptHidden));
        Assert.Single(found.Measured);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1.5)]
    [InlineData(double.NaN)]
    public async Task ByMeasuredReductionAsync_TargetIsNoShare_Throws(double target) =>
        await Assert.ThrowsAsync<PlanningException>(() => Search(Taken, target, []));

    private static Task<MeasuredStructure> Search(Func<CompressedStructure, double> latency, double target, List<int> rounds) =>
        StructureSearch.ByMeasuredReductionAsync(
            Vit.Macs, Vit.Candidates, structures =>
            {
                rounds.Add(structures.Count);
                return Task.FromResult<IReadOnlyList<double>>(structures.Select(latency).ToArray());
            }, target);

    private static double Taken(CompressedStructure s) => 1 - ((double)s.Macs / Vit.Macs);
}
