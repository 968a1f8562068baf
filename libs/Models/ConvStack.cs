using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Models;

/// <summary>Convolutions, each followed by the activation: a stem or a tail.</summary>
internal sealed class ConvStack(ConvUnit[] units, Action<Tensor> activation) : Section
{
    internal override IReadOnlyList<Layer> Layers { get; } = units;

    public override Tensor Forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var map = Run(units, activation, x);
        activation(map);
        return map.MoveToOuterDisposeScope();
    }

    internal override (long Macs, MapSize Output) Cost(MapSize input, MacsConvention convention) => CostOf(units, input);

    /// <summary>Runs the convolutions with the activation between them, none after the last; frees each map as soon as it has been read.</summary>
    internal static Tensor Run(ConvUnit[] units, Action<Tensor> between, Tensor x)
    {
        var map = units[0].Forward(x);
        for (var i = 1; i < units.Length; i++)
        {
            between(map);
            var next = units[i].Forward(map);
            map.Dispose();
            map = next;
        }

        return map;
    }

    internal static (long Macs, MapSize Output) CostOf(ConvUnit[] units, MapSize input)
    {
        long macs = 0;
        foreach (var unit in units)
        {
            var (unitMacs, output) = unit.Cost(input);
            (macs, input) = (macs + unitMacs, output);
        }

        return (macs, input);
    }
}
