namespace Fewshot.Planning.Tests;

public class WholeBlocksTests
{
    private static readonly long[] Blocks = [100, 300, 200];

    [Fact]
    public void Ranges_UnequalBlocks_SpanTheCheapestAndTheMostExpensive() => Assert.Equal(
        [new WholeBlockRange(1, 700, 900), new(2, 500, 700), new(3, 400, 400)], WholeBlocks.Ranges(1000, Blocks));

    [Theory]
    [InlineData(0.95, 1, 1)]
    [InlineData(0.9, 1, 1)]
    [InlineData(0.8, 1, 2)]
    [InlineData(0.5, 2, 3)]
    [InlineData(0.4, 3, 3)]
    public void Needed_Ratio_BoundsTheCount(double ratio, int atLeast, int atMost) => Assert.Equal((atLeast, atMost), WholeBlocks.Needed(1000, Blocks, ratio));

    [Theory]
    [InlineData(0.39, "0.4000, with all 3")]
    [InlineData(1.5, "above 0 and below 1")]
    [InlineData(double.NaN, "above 0 and below 1")]
    public void Needed_Unreachable_SaysWhatIs(double ratio, string message) => Assert.Contains(
        message, Assert.Throws<PlanningException>(() => WholeBlocks.Needed(1000, Blocks, ratio)).Message, StringComparison.Ordinal);

    [Fact]
    public void Needed_NoDroppableBlock_SaysSo() => Assert.Throws<PlanningException>(() => WholeBlocks.Needed(1000, [], 0.5));
}
