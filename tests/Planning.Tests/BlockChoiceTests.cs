namespace Fewshot.Planning.Tests;

public class BlockChoiceTests
{
    private static readonly IReadOnlyList<BlockScore> Scores =
        BlockScoring.Rank([("layer1.1", 1.0, 0.05, 0.001), ("layer1.2", 4.0, 0.05, 0.001), ("layer2.1", 2.0, 0.05, 0.001), ("layer2.2", 3.0, 0.05, 0.001)]);

    [Fact]
    public void ByCount_InRange_TakesTheFirst() => Assert.Equal(["layer1.1", "layer2.1"], BlockChoice.ByCount(Scores, 2));

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(5)]
    public void ByCount_OutOfRange_ListsTheDroppable(int k)
    {
        var error = Assert.Throws<PlanningException>(() => BlockChoice.ByCount(Scores, k));
        Assert.Contains("from 1 to 4", error.Message, StringComparison.Ordinal);
        Assert.Contains("layer1.1, layer2.1, layer2.2, layer1.2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ByNames_Known_ReturnsThemInScoreOrder() => Assert.Equal(["layer2.1", "layer1.2"], BlockChoice.ByNames(Scores, ["layer1.2", "layer2.1"]));

    [Theory]
    [InlineData("layer1.0")]
    [InlineData("layer1.1,layer1.1")]
    [InlineData("")]
    public void ByNames_UnknownTwiceOrNone_Throws(string names)
    {
        var error = Assert.Throws<PlanningException>(() => BlockChoice.ByNames(Scores, names.Split(',', StringSplitOptions.RemoveEmptyEntries)));
        Assert.Contains("layer1.1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ByReduction_Reachable_TakesTheFewest()
    {
        Assert.Equal(2, BlockChoice.ByReduction(Scores, b => 0.1 * b.Count, 0.15).Count);
        Assert.Equal(2, BlockChoice.ByReduction(Scores, b => 0.1 * b.Count, 0.2).Count);
    }

    [Fact]
    public void ByReduction_Unreachable_SaysWhatIsReachable() => Assert.Contains(
        "40", Assert.Throws<PlanningException>(() => BlockChoice.ByReduction(Scores, b => 0.1 * b.Count, 0.41)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(20)]
    [InlineData(double.NaN)]
    public void ByReduction_TargetIsNoShare_Throws(double target) =>
        Assert.Throws<PlanningException>(() => BlockChoice.ByReduction(Scores, b => 0.1 * b.Count, target));

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.5)]
    [InlineData(0.2)]
    [InlineData(3.0)]
    public async Task ByMeasuredReductionAsync_WhateverTheSumOfTausSaid_FindsTheFewest(double factor)
    {
        var scores = BlockScoring.Rank(Enumerable.Range(0, 24).Select(i => ($"b{i:00}", (double)i, 0.04, 0.001)));
        var calls = new List<int>();
        var choice = await BlockChoice.ByMeasuredReductionAsync(scores, sets => Measure(sets, n => Math.Min(0.95, 0.04 * factor * n), calls), 0.18);
        Assert.Equal((int)Math.Ceiling(0.18 / (0.04 * factor) - 1e-9), choice.Blocks.Count);
        Assert.Equal(choice.Measured.Count, calls.Count);
        Assert.Equal(calls.Count, calls.Distinct().Count());
        Assert.True(choice.Reduction >= 0.18);
        Assert.True(choice.Blocks.Count == 1 || choice.Measured.Single(m => m.Count == choice.Blocks.Count - 1).Reduction < 0.18);
    }

    [Fact]
    public async Task ByMeasuredReductionAsync_Unreachable_MeasuresAllAndSaysSo()
    {
        var calls = new List<int>();
        var error = await Assert.ThrowsAsync<PlanningException>(() => BlockChoice.ByMeasuredReductionAsync(Scores, sets => Measure(sets, n => 0.02 * n, calls), 0.15));
        Assert.Contains("8", error.Message, StringComparison.Ordinal);
        Assert.Contains(4, calls);
    }

    [Fact]
    public async Task ByMeasuredReductionAsync_NoBlocks_Throws() =>
        await Assert.ThrowsAsync<PlanningException>(() => BlockChoice.ByMeasuredReductionAsync([], _ => throw new InvalidOperationException(), 0.1));

    private static Task<IReadOnlyList<double>> Measure(IReadOnlyList<IReadOnlyList<string>> sets, Func<int, double> reduction, List<int> calls)
    {
        calls.AddRange(sets.Select(s => s.Count));
        return Task.FromResult<IReadOnlyList<double>>(sets.Select(s => reduction(s.Count)).ToArray());
    }
}
