using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Mimicking;

/// <summary>What students mimic, of one batch: the teacher's features, and its stream behind the blocks that were asked for.</summary>
internal readonly record struct MimicTarget(Tensor Features, IReadOnlyDictionary<int, Tensor> Streams)
{
    /// <summary>That of some neighbouring images; views in the caller's dispose scope.</summary>
    public MimicTarget Of(long first, long count) =>
        new(Features.narrow(0, first, count), Streams.ToDictionary(item => item.Key, item => item.Value.narrow(0, first, count)));
}

/// <summary>One pass of the frozen teacher that all students of a batch share.</summary>
/// <param name="teacher">Folded.</param>
/// <param name="ends">Blocks behind which the stream is kept.</param>
internal sealed class MimicTargets(Network teacher, FeaturePoint point, IReadOnlySet<int> ends)
{
    /// <summary>Runs without gradient. The tensors belong to the caller's dispose scope.</summary>
    public MimicTarget Run(Tensor images)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var streams = new Dictionary<int, Tensor>();
        var stream = teacher.Stem(images);
        for (var i = 0; i < teacher.Blocks.Count; i++)
        {
            // Freed now: the scope would keep every block's output until the end.
            using var input = stream;
            stream = teacher.Blocks[i].Forward(input);
            if (ends.Contains(i))
                streams[i] = stream.alias().MoveToOuterDisposeScope();
        }

        // Whoever looks at streams alone needs no features; they cost next to nothing.
        var features = MimicLoss.FeaturesOf(teacher, stream, point == FeaturePoint.LastTrained ? FeaturePoint.PreGap : point);
        return new MimicTarget(features.MoveToOuterDisposeScope(), streams);
    }
}
