using Fewshot.Compression.Mimicking;
using Fewshot.Imaging;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.ClosedForm;

/// <summary>
/// Solves the output layer of a compressed block so that the block does on the training images what the original one did, its attention
/// included: the block's input plus W h + b shall be the original's output, h the kept hidden units.
/// </summary>
internal static class MlpReconstruction
{
    // From 1e-5 to 1e-2 the result hardly changes (measured); the strongest of them is the safest where the images say little.
    private const double Lambda = 1e-2;

    /// <param name="student">Its blocks are compressed one after the other, in network order, each on the stream that the student then has.</param>
    /// <param name="teacher">The original, frozen.</param>
    /// <param name="blocks">Names of the compressed blocks.</param>
    public static void Apply(Network student, Network teacher, IEnumerable<string> blocks, ImageBatches images, int batchSize, CancellationToken cancellation)
    {
        using var guard = no_grad();
        var names = blocks.ToHashSet(StringComparer.Ordinal);
        for (var i = 0; i < student.Blocks.Count; i++)
            if (names.Contains(student.Blocks[i].Name))
                Solve(student, i, teacher, images, batchSize, cancellation);
    }

    private static void Solve(Network student, int index, Network teacher, ImageBatches images, int batchSize, CancellationToken cancellation)
    {
        using var scope = NewDisposeScope();
        var (block, mlp) = (student.Blocks[index], student.Blocks[index].Mlp!);
        var original = Enumerable.Range(0, teacher.Blocks.Count).Single(i => teacher.Blocks[i].Name == block.Name);
        using var regression = new RidgeRegression(mlp.Hidden.Outputs + 1, mlp.Output.Outputs, mlp.Output.Weight.device);
        for (var first = 0; first < images.Count; first += batchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            // As they are: on crops and shifts the block does what it never does on real images.
            var pixels = images.Evaluation(first, Math.Min(batchSize, images.Count - first));
            var input = StreamAt(student, pixels, index);
            var hidden = mlp.Units(input);
            var ones = torch.ones([.. hidden.shape[..^1], 1], hidden.dtype, hidden.device);
            regression.Add(cat([hidden, ones], -1), StreamAt(teacher, pixels, original + 1) - input);
        }

        var start = cat([mlp.Output.Weight.t(), mlp.Output.Bias!.unsqueeze(0)], 0);
        var solved = regression.Solve(start, Lambda);
        mlp.Output.Weight.copy_(solved.narrow(0, 0, mlp.Hidden.Outputs).t());
        mlp.Output.Bias.copy_(solved.select(0, mlp.Hidden.Outputs));
    }

    private static Tensor StreamAt(Network network, Tensor images, int blocks)
    {
        using var scope = NewDisposeScope();
        var stream = network.Stem(images);
        for (var i = 0; i < blocks; i++)
            stream = network.Blocks[i].Forward(stream);
        return stream.MoveToOuterDisposeScope();
    }
}
