using Fewshot.Compression.Parallel;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Synthesis;

/// <summary>
/// The distance of a batch's statistics from the running ones of every batch norm (DeepInversion, equation 4), the first layer ten times:
/// <c>sum_l ||mean(x_l) - mean_l||_2 + ||var(x_l) - var_l||_2</c> with x_l entering norm l.
/// </summary>
/// <remarks>
/// The gradient by x_l is known as soon as x_l is: <c>a x_l + b</c> for each channel. It is made during the forward pass and given to the backward pass as
/// another root, which costs a fraction of what autograd's own way through means and variances does (measured: a third of a step of ResNet-20). The parts of a
/// batch meet at every norm to add up their sums, and are free of each other in the backward pass. The frozen norm itself is applied as the scale and shift
/// that it is, whose backward pass is one multiplication.
/// </remarks>
internal sealed class StatisticsPenalty : IDisposable
{
    private readonly ThreadLocal<PartStatistics?> current = new();
    private readonly WatchedNorm[] norms;
    private readonly PartCrew crew;
    private readonly long images;

    /// <param name="network">Unfolded; this stands in for its norms until it is disposed.</param>
    /// <param name="weight">Of the whole term in the loss.</param>
    /// <param name="images">Of the whole batch.</param>
    /// <param name="crew">Who runs the parts.</param>
    public StatisticsPenalty(Network network, double weight, long images, PartCrew crew)
    {
        (this.images, this.crew) = (images, crew);
        var units = network.StemUnits.Concat(network.Blocks.SelectMany(block => block.Units)).Concat(network.TailUnits).OfType<ConvUnit>();
        norms = [.. units.Select((unit, layer) => new WatchedNorm(unit, weight, isFirst: layer == 0, crew.Count))];
        foreach (var norm in norms)
            norm.Unit.InsteadOfNorm = map => Apply(norm, map);
    }

    /// <summary>Watches the passes of this thread until what it returns is disposed.</summary>
    public PartStatistics Begin(int part) => current.Value = new PartStatistics(part, () => current.Value = null);

    /// <summary>Frees the sums that the parts have exchanged, when all of them are done.</summary>
    public void Forget()
    {
        foreach (var norm in norms)
            norm.Forget();
    }

    public void Dispose()
    {
        foreach (var norm in norms)
            norm.Dispose();
        current.Dispose();
    }

    private Tensor Apply(WatchedNorm norm, Tensor map)
    {
        if (current.Value is { } part)
        {
            using var scope = NewDisposeScope();
            var root = map.alias();
            using var guard = no_grad();
            var values = map.detach();
            norm.Add(part.Part, values);
            crew.Meet();
            var (term, gradient) = norm.Penalty(values, images);
            part.Add(term, root, gradient);
        }

        return norm.Forward(map);
    }
}

/// <summary>What one part's forward pass left for its backward pass.</summary>
internal sealed class PartStatistics(int part, Action end) : IDisposable
{
    private readonly List<Tensor> terms = [], roots = [], gradients = [];

    public int Part => part;

    /// <summary>What entered the norms, as the graph knows it.</summary>
    public IReadOnlyList<Tensor> Roots => roots;

    /// <summary>The penalty's gradient by each of <see cref="Roots"/>.</summary>
    public IReadOnlyList<Tensor> Gradients => gradients;

    /// <summary>The penalty of the whole batch, without its weight, in the caller's dispose scope.</summary>
    public Tensor Sum() => stack(terms).sum();

    public void Add(Tensor term, Tensor root, Tensor gradient)
    {
        terms.Add(term.DetachFromDisposeScope());
        roots.Add(root.DetachFromDisposeScope());
        gradients.Add(gradient.DetachFromDisposeScope());
    }

    public void Dispose()
    {
        end();
        foreach (var tensor in terms.Concat(roots).Concat(gradients))
            tensor.Dispose();
    }
}
