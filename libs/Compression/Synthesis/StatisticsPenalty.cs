using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Synthesis;

/// <summary>Collects, while a network runs, how far each batch norm's input statistics are from its running ones; the first layer counts ten times.</summary>
internal sealed class StatisticsPenalty : IDisposable
{
    private const double FirstLayerWeight = 10;
    private readonly ConvUnit[] units;
    private readonly List<Tensor> terms = [];

    public StatisticsPenalty(Network network)
    {
        units = [.. network.StemUnits.Concat(network.Blocks.SelectMany(block => block.Units)).Concat(network.TailUnits).OfType<ConvUnit>()];
        for (var i = 0; i < units.Length; i++)
        {
            var (norm, weight) = (units[i].Norm!, i == 0 ? FirstLayerWeight : 1);
            // The forward pass runs in scopes of its own: what is kept must leave them.
            units[i].BeforeNorm = map =>
            {
                using var scope = NewDisposeScope();
                terms.Add((ImagePrior.StatisticsDistance(map, norm.RunningMean, norm.RunningVar) * weight).DetachFromDisposeScope());
            };
        }
    }

    /// <summary>The sum since the last call, in the caller's dispose scope.</summary>
    public Tensor Take()
    {
        var sum = stack(terms).sum();
        Forget();
        return sum;
    }

    public void Dispose()
    {
        Forget();
        foreach (var unit in units)
            unit.BeforeNorm = null;
    }

    private void Forget()
    {
        terms.ForEach(term => term.Dispose());
        terms.Clear();
    }
}
