namespace Fewshot.Planning.Tests;

public class BlockScoringTests
{
    [Fact]
    public void Rank_PerTau_SmallestRatioFirst()
    {
        var scores = BlockScoring.Rank([("a", 1.0, 0.02, 0.001), ("b", 1.0, 0.04, 0.001), ("c", 0.1, 0.01, 0.001)]);
        Assert.Equal(["c", "b", "a"], scores.Select(s => s.Name));
        Assert.Equal([1, 2, 3], scores.Select(s => s.Rank));
        Assert.Equal(25, scores[1].Score!.Value, 10);
        Assert.All(scores, s => Assert.Null(s.Note));
    }

    [Theory]
    [InlineData(0.0019, 0.001)]
    [InlineData(0.0, 0.0)]
    [InlineData(-0.01, 0.001)]
    [InlineData(double.NaN, 0.001)]
    [InlineData(0.01, double.NaN)]
    public void Rank_TauNotAboveItsNoise_RanksLastAndSaysWhy(double tau, double stderr)
    {
        var scores = BlockScoring.Rank([("noisy", 1e-9, tau, stderr), ("slow", 100.0, 0.01, 0.001)]);
        Assert.Equal("noisy", scores[1].Name);
        Assert.Null(scores[1].Score);
        Assert.Contains("ranked last", scores[1].Note, StringComparison.Ordinal);
    }

    [Fact]
    public void Rank_SeveralWithoutScore_OrderedByValueThenGivenOrder()
    {
        var scores = BlockScoring.Rank([("nan", double.NaN, 0.1, 0), ("b", 2.0, 0.0, 0.1), ("c", 1.0, 0.0, 0.1), ("d", 1.0, -1.0, 0.1), ("good", 9.0, 0.1, 0)]);
        Assert.Equal(["good", "c", "d", "b", "nan"], scores.Select(s => s.Name));
    }

    [Fact]
    public void Rank_ByValueAlone_IgnoresTau() => Assert.Equal(
        ["b", "a"], BlockScoring.Rank([("a", 2.0, 0.5, 0.0), ("b", 1.0, -0.5, 1.0)], perTau: false).Select(s => s.Name));

    [Fact]
    public void Rank_EqualScores_KeepTheOrderGiven()
    {
        var names = Enumerable.Range(0, 50).Select(i => $"b{i}").ToArray();
        Assert.Equal(names, BlockScoring.Rank(names.Select(n => (n, 1.0, 0.1, 0.0))).Select(s => s.Name));
    }

    [Fact]
    public void Rank_WithCosts_JoinsByNameAndNamesWhatIsMissing()
    {
        BlockCost[] costs = [new("a", 0.1, 0.001), new("b", 0.4, 0.001)];
        Assert.Equal(["b", "a"], BlockScoring.Rank([("a", 1.0), ("b", 1.0)], costs).Select(s => s.Name));
        Assert.Contains("'c'", Assert.Throws<PlanningException>(() => BlockScoring.Rank([("c", 1.0)], costs)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Spearman_KnownOrders_GivesTheTextbookValues()
    {
        Assert.Equal(1, RankCorrelation.Spearman([1, 2, 3], [10, 100, 1000]), 12);
        Assert.Equal(-1, RankCorrelation.Spearman([1, 2, 3], [3, 2, 1]), 12);
        Assert.Equal(0.8, RankCorrelation.Spearman([1, 2, 3, 4], [1, 2, 4, 3]), 12);
        // By hand: ranks 1, 2.5, 2.5, 4 and 3, 1.5, 1.5, 4 give 1.5 / 4.5.
        Assert.Equal(1.0 / 3, RankCorrelation.Spearman([1, 2, 2, 4], [3, 1, 1, 5]), 12);
        Assert.True(double.IsNaN(RankCorrelation.Spearman([1, 1], [1, 2])));
        Assert.Throws<ArgumentException>(() => RankCorrelation.Spearman([1, 2], [1, 2, 3]));
    }
}
