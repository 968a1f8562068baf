using Fewshot.Compression.Mimicking;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Trials;

/// <summary>
/// One forward pass of the frozen teacher that all candidates of a group share: the features they mimic, and the
/// stream ahead of every block at which a candidate begins to differ.
/// </summary>
internal sealed class TeacherPass(Network teacher, IReadOnlySet<int> starts, FeaturePoint point)
{
    /// <summary>Runs without gradient. The tensors belong to the caller's dispose scope.</summary>
    /// <param name="images">[n, channels, size, size], normalised.</param>
    public (IReadOnlyDictionary<int, Tensor> Streams, Tensor Features) Run(Tensor images)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var streams = new Dictionary<int, Tensor>();
        var stream = teacher.Stem(images);
        for (var i = 0; i < teacher.Blocks.Count; i++)
        {
            if (starts.Contains(i))
                streams[i] = stream.MoveToOuterDisposeScope();
            stream = teacher.Blocks[i].Forward(stream);
        }

        return (streams, MimicLoss.FeaturesOf(teacher, stream, point).MoveToOuterDisposeScope());
    }
}
