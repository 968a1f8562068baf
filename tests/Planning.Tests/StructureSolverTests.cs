using System.Globalization;
using System.Text.RegularExpressions;

namespace Fewshot.Planning.Tests;

public partial class StructureSolverTests
{
    // methods.md section 3: the published set-ups.
    [Theory]
    [InlineData(1, 2, 0.75)]
    [InlineData(2, 3, 0.5)]
    [InlineData(3, 4, 0.375)]
    public void Solve_TargetWorthWholeBlocksOfVitB16_GivesThePublishedStructure(int worth, int blocks, double kept)
    {
        var vit = Transformers.VitB16;
        var structure = StructureSolver.Solve(vit.Macs, vit.Candidates, 1 - ((double)worth * vit.Blocks[0].Macs / vit.Macs));
        Assert.Equal((blocks, (int)(kept * 3072)), (structure.Blocks, structure.KeptHidden));
    }

    [Fact]
    public void Solve_PublishedRatioOfVitB16_IsThreeBlocksWorth()
    {
        var vit = Transformers.VitB16;
        var structure = StructureSolver.Solve(vit.Macs, vit.Candidates, 0.751734186);
        Assert.Equal((4, 1152), (structure.Blocks, structure.KeptHidden));
        Assert.Equal(vit.Macs - (3 * vit.Blocks[0].Macs), (double)structure.TargetMacs, 1e-5 * vit.Macs);
    }

    [Fact]
    public void Solve_FashionVitToThreeQuarters_KeepsTheReferenceRunsUnits()
    {
        var structure = StructureSolver.Solve(Transformers.Fashion.Macs, Transformers.Fashion.Candidates, 0.75);
        Assert.Equal((2, 140), (structure.Blocks, structure.KeptHidden));
    }

    [Theory]
    [InlineData(197, 768, 3072, 12, true)]
    [InlineData(197, 768, 3072, 12, false)]
    [InlineData(50, 128, 256, 6, false)]
    [InlineData(65, 64, 128, 4, true)]
    [InlineData(5, 32, 7, 9, false)]
    [InlineData(577, 1024, 4096, 24, false)]
    [InlineData(17, 48, 1, 5, false)]
    public void Solve_ManyRatios_HitsWithinOneUnitPerBlockOrNamesRatiosThatWork(long tokens, long width, int hidden, int depth, bool paper)
    {
        var vit = Transformers.Make(tokens, width, hidden, depth, 1000, 1000, paper);
        var table = StructureSolver.Table(vit.Macs, vit.Candidates);
        var unit = vit.Blocks[0].MlpMacs / hidden;
        for (var step = 1; step < 500; step++)
        {
            var ratio = step / 500.0;
            try
            {
                var s = StructureSolver.Solve(vit.Macs, vit.Candidates, ratio);
                Assert.Equal((long)Math.Round(ratio * vit.Macs), s.TargetMacs);
                Assert.InRange(Math.Abs(s.Macs - s.TargetMacs), 0, s.Blocks * unit);
                Assert.InRange(s.KeptHidden, 1, hidden);
                Assert.InRange(s.Blocks, 1, vit.Candidates.Length);
                Assert.Contains(table, row => row.Blocks == s.Blocks && row.KeptHidden == s.KeptHidden && row.Macs == s.Macs);
                // No fewer blocks could have done it.
                Assert.True(s.Blocks == 1 || vit.Macs - s.TargetMacs > (s.Blocks - 1) * (vit.Blocks[0].AttentionMacs + vit.Blocks[0].MlpMacs - unit));
            }
            catch (PlanningException e)
            {
                Assert.DoesNotContain(table, row => Math.Abs(row.Macs - (ratio * vit.Macs)) < 0.4 * unit);
                var named = NamedRatio().Matches(e.Message).Select(m => double.Parse(m.Groups[1].Value, CultureInfo.InvariantCulture)).ToArray();
                Assert.InRange(named.Length, 1, 2);
                Assert.All(named, other => StructureSolver.Solve(vit.Macs, vit.Candidates, other));
                var nearest = table.MinBy(row => Math.Abs(row.Macs - (ratio * vit.Macs)))!;
                Assert.Contains(named, other => Math.Abs(other - ((double)nearest.Macs / vit.Macs)) < 1e-6);
            }
        }
    }

    [Fact]
    public void Solve_BetweenTwoStructures_NamesTheOneAboveAndTheOneBelow()
    {
        // Attention 100, MLP 40: one block takes 100 to 140 but for a unit, two take 200 and more; 170 lies between.
        var blocks = Enumerable.Range(0, 4).Select(i => new BlockParts($"blocks.{i}", 140, 100, 40, 4)).ToArray();
        var error = Assert.Throws<PlanningException>(() => StructureSolver.Solve(1000, blocks, 0.83));
        Assert.Contains("0.870000 (1 block keeping 1 of 4 hidden units), or 0.800000 (2 blocks keeping 4 of 4 hidden units)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Solve_NoHiddenUnitLeft_CompressesOneMoreBlock()
    {
        var blocks = Enumerable.Range(0, 4).Select(i => new BlockParts($"blocks.{i}", 150, 50, 100, 100)).ToArray();
        Assert.Equal(new CompressedStructure(1, 1, 851, 851), StructureSolver.Solve(1000, blocks, 0.851));
        Assert.Equal(new CompressedStructure(2, 75, 850, 850), StructureSolver.Solve(1000, blocks, 0.85));
    }

    [Fact]
    public void Solve_NoHiddenUnitLeftAndNoOtherBlock_KeepsOne() => Assert.Equal(
        new CompressedStructure(1, 1, 850, 851), StructureSolver.Solve(1000, [new("blocks.0", 150, 50, 100, 100)], 0.85));

    [Fact]
    public void Solve_ExtraBlocks_SpreadsTheSameTargetOverMore()
    {
        var vit = Transformers.VitB16;
        var fewest = StructureSolver.Solve(vit.Macs, vit.Candidates, 0.75);
        var more = StructureSolver.Solve(vit.Macs, vit.Candidates, 0.75, extraBlocks: 1);
        Assert.Equal((fewest.Blocks + 1, fewest.TargetMacs), (more.Blocks, more.TargetMacs));
        Assert.True(more.KeptHidden > fewest.KeptHidden);
        Assert.InRange(Math.Abs(more.Macs - more.TargetMacs), 0, more.Blocks * vit.Blocks[0].MlpMacs / 3072);
        Assert.Contains("more than the fewest", Assert.Throws<PlanningException>(() => StructureSolver.Solve(vit.Macs, vit.Candidates, 0.99, 1)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(-0.5)]
    [InlineData(75)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void Solve_RatioIsNoShare_Throws(double ratio) => Assert.Contains(
        "above 0 and below 1", Assert.Throws<PlanningException>(() => StructureSolver.Solve(1000, [new("a", 150, 50, 100, 100)], ratio)).Message, StringComparison.Ordinal);

    [Fact]
    public void Solve_NothingLeftOrUnlikeBlocks_SaysSo()
    {
        Assert.Contains("no block left", Assert.Throws<PlanningException>(() => StructureSolver.Solve(1000, [], 0.5)).Message, StringComparison.Ordinal);
        var unlike = Assert.Throws<PlanningException>(() => StructureSolver.Solve(1000, [new("a", 150, 50, 100, 100), new("b", 150, 50, 100, 50)], 0.5));
        Assert.Contains("a has 50 MACs", unlike.Message, StringComparison.Ordinal);
        Assert.Contains("b has 50 MACs", unlike.Message, StringComparison.Ordinal);
        Assert.Contains("no attention", Assert.Throws<PlanningException>(() => StructureSolver.Solve(1000, [new("a", 150, 0, 100, 50)], 0.9)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Table_AnyShape_FallsStrictlyAndEachRowIsItsOwnAnswer()
    {
        var vit = Transformers.Fashion;
        var table = StructureSolver.Table(vit.Macs, vit.Candidates);
        Assert.All(table.Zip(table.Skip(1)), pair => Assert.True(pair.First.Macs > pair.Second.Macs));
        Assert.Equal((1, 256), (table[0].Blocks, table[0].KeptHidden));
        Assert.Equal((4, 1), (table[^1].Blocks, table[^1].KeptHidden));
        Assert.All(table, row => Assert.Equal(row, StructureSolver.Solve(vit.Macs, vit.Candidates, (double)row.Macs / vit.Macs)));
    }

    [GeneratedRegex(@"(0\.\d{6}) \(")]
    private static partial Regex NamedRatio();
}
