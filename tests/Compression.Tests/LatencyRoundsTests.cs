using Fewshot.Compression.Profiling;

namespace Fewshot.Compression.Tests;

public class LatencyRoundsTests
{
    [Fact]
    public void Run_MachineThatSlowsDownSteadily_TausStayTrue()
    {
        var rounds = new LatencyRounds(10);
        var passes = 0;
        for (var round = 0; round < 40; round++)
            rounds.Run(round, candidate => (1000 + (2 * passes++)) * (candidate is null ? 1 : 1 - (0.05 * candidate.Value)), keep: true);

        for (var candidate = 0; candidate < 10; candidate++)
            Assert.Equal(0.05 * candidate, LatencyStatistics.Median(rounds.Taus(candidate)).Median, 0.004);
        Assert.Equal(120, rounds.Original.Count);
    }

    [Fact]
    public void Run_WarmUp_KeepsNothing()
    {
        var rounds = new LatencyRounds(2);

        rounds.Run(0, _ => 1, keep: false);

        Assert.Empty(rounds.Original);
        Assert.Empty(rounds.Taus(0));
    }
}
