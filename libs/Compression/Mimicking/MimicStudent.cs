using Fewshot.Compute.Optimizers;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Mimicking;

/// <summary>A compressed network in training: its first blocks learn by AdamW to reproduce the teacher, the others stay as they are.</summary>
internal sealed class MimicStudent : IDisposable
{
    private readonly MimicSettings settings;
    private readonly Tensor[] trained;
    private Tensor[] learning = [];
    private readonly AdamW optimizer;
    private readonly int blocks;

    /// <param name="network">Trained in place; the caller's.</param>
    /// <param name="teacher">The original.</param>
    public MimicStudent(Network network, Network teacher, MimicSettings settings)
    {
        (Network, this.settings) = (network, settings);
        (Last, blocks) = settings.AllBlocks ? (teacher.Blocks.Count - 1, network.Blocks.Count) : Extent(network, teacher);
        network.RequiresGrad(false);
        trained = [.. settings.AllBlocks ? network.Parameters() : network.ParametersUpTo(blocks)];
        foreach (var parameter in trained)
            parameter.requires_grad_(true);
        optimizer = new AdamW(trained, settings.WeightDecay);
    }

    public Network Network { get; }

    /// <summary>Index, in the teacher, of the last block that was compressed or dropped.</summary>
    public int Last { get; }

    /// <summary>Bytes of weights, gradients and optimiser state.</summary>
    public static long BytesOf(Network network) => 4 * sizeof(float) * network.Costs().Params;

    /// <summary>Loss and gradients of some of a batch's images, as their share of the batch's.</summary>
    /// <param name="images">Those images, with what they are to mimic.</param>
    /// <param name="share">Their share of the batch.</param>
    /// <returns>Tensors in no dispose scope.</returns>
    public MimicGradients Gradients(Tensor images, MimicTarget target, double share)
    {
        using var scope = NewDisposeScope();
        var loss = Loss(images, target) * share;
        var gradients = autograd.grad([loss], learning);
        return new MimicGradients(loss.detach().DetachFromDisposeScope(), [.. gradients.Select(gradient => gradient.DetachFromDisposeScope())]);
    }

    /// <summary>Finds out, before the first step, by which trained parameters the loss has a gradient: what stands behind the features has none.</summary>
    public void Prepare(Tensor images, MimicTarget target)
    {
        if (learning.Length > 0)
            return;
        using var scope = NewDisposeScope();
        Loss(images, target).backward();
        learning = [.. trained.Where(parameter => parameter.grad is not null)];
        foreach (var parameter in learning)
            parameter.grad = null;
    }

    /// <summary>One step, by the gradients of a batch's parts in their order.</summary>
    /// <returns>The batch's loss before it, a scalar in the caller's dispose scope.</returns>
    public Tensor Step(IReadOnlyList<MimicGradients> parts, long iteration)
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        for (var i = 0; i < learning.Length; i++)
        {
            var gradient = parts[0].Values[i];
            foreach (var part in parts.Skip(1))
                gradient.add_(part.Values[i]);
            learning[i].grad = gradient;
        }

        optimizer.Step(settings.Rate(iteration), settings.GradientClip);
        return parts.Select(part => part.Loss).Aggregate((sum, loss) => sum + loss).clone().MoveToOuterDisposeScope();
    }

    /// <summary>The mimic loss, a scalar in the caller's dispose scope.</summary>
    public Tensor Loss(Tensor images, MimicTarget target)
    {
        using var scope = NewDisposeScope();
        var point = settings.FeaturePoint;
        var stream = Network.Stem(images);
        var until = point == FeaturePoint.LastTrained ? blocks : Network.Blocks.Count;
        for (var i = 0; i < until; i++)
        {
            var next = Network.Blocks[i].Forward(stream);
            stream.Dispose();
            stream = next;
        }

        return (point == FeaturePoint.LastTrained
            ? MimicLoss.Between(stream, target.Streams[Last])
            : MimicLoss.Between(MimicLoss.FeaturesOf(Network, stream, point), target.Features)).MoveToOuterDisposeScope();
    }

    /// <summary>Everything a continued training needs, by name.</summary>
    public IEnumerable<(string Name, Tensor Value)> State() => Network.State().Concat(optimizer.State());

    /// <summary>Takes what <see cref="State"/> gave after this many iterations.</summary>
    public void Restore(Func<string, Tensor> saved, long iterations)
    {
        using var _ = no_grad();
        foreach (var (name, value) in Network.State())
            value.copy_(saved(name));
        optimizer.Restore(saved, iterations);
    }

    public void Dispose()
    {
        optimizer.Dispose();
        Network.RequiresGrad(false);
    }

    /// <summary>The last edited block in the teacher, and how many of the student's blocks stand up to it.</summary>
    private static (int Last, int Blocks) Extent(Network student, Network teacher)
    {
        var edited = student.Spec.Edits.Skip(teacher.Spec.Edits.Count)
            .Select(edit => edit switch { CompressBlock compress => compress.Block, DropBlock drop => drop.Block, _ => "" }).ToHashSet(StringComparer.Ordinal);
        var names = teacher.Blocks.Select(block => block.Name).ToList();
        var last = names.FindLastIndex(edited.Contains);
        if (last < 0)
            throw new CompressionException("edits: the student has no block compressed or dropped; name at least one");
        return (last, student.Blocks.Count(block => names.IndexOf(block.Name) <= last));
    }
}

/// <summary>The loss of some images, and its gradients by the parameters that learn.</summary>
internal sealed record MimicGradients(Tensor Loss, IReadOnlyList<Tensor> Values) : IDisposable
{
    public void Dispose()
    {
        Loss.Dispose();
        foreach (var value in Values)
            value.Dispose();
    }
}
