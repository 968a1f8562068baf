using Fewshot.Compression.Mimicking;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Trials;

/// <summary>The teacher ahead of a block: its input, and the part of its residual branch that candidates share with the teacher.</summary>
internal readonly record struct Junction(Tensor Stream, Tensor Ahead);

/// <summary>
/// One forward pass of the frozen teacher that all candidates of a group share: the features they mimic, and what
/// stands ahead of every block at which a candidate begins to differ.
/// </summary>
internal sealed class TeacherPass(Network teacher, IReadOnlySet<int> starts, FeaturePoint point)
{
    /// <summary>Runs without gradient. The tensors belong to the caller's dispose scope.</summary>
    /// <param name="images">[n, channels, size, size], normalised.</param>
    public (IReadOnlyDictionary<int, Junction> Junctions, Tensor Features) Run(Tensor images)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var junctions = new Dictionary<int, Junction>();
        var stream = teacher.Stem(images);
        for (var i = 0; i < teacher.Blocks.Count; i++)
        {
            var junction = new Junction(stream, teacher.Blocks[i].Ahead(stream));
            stream = teacher.Blocks[i].Complete(junction.Ahead, junction.Stream);
            if (starts.Contains(i))
            {
                junctions[i] = new Junction(junction.Stream.MoveToOuterDisposeScope(), junction.Ahead.MoveToOuterDisposeScope());
                continue;
            }

            // Freed now: the scope would keep them until the end.
            junction.Ahead.Dispose();
            junction.Stream.Dispose();
        }

        return (junctions, MimicLoss.FeaturesOf(teacher, stream, point).MoveToOuterDisposeScope());
    }
}
