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
/// batch meet at every norm to add up their sums, and are free of each other in the backward pass.
/// </remarks>
internal sealed class StatisticsPenalty : IDisposable
{
    private const double FirstLayerWeight = 10, Smallest = 1e-12;
    private readonly ThreadLocal<PartStatistics?> current = new();
    private readonly ConvUnit[] units;
    private readonly Tensor?[][] sums;
    private readonly PartCrew crew;
    private readonly double weight;
    private readonly long images;

    /// <param name="network">Unfolded; what enters its norms is watched until this is disposed.</param>
    /// <param name="weight">Of the whole term in the loss.</param>
    /// <param name="images">Of the whole batch.</param>
    /// <param name="crew">Who runs the parts.</param>
    public StatisticsPenalty(Network network, double weight, long images, PartCrew crew)
    {
        (this.weight, this.images, this.crew) = (weight, images, crew);
        units = [.. network.StemUnits.Concat(network.Blocks.SelectMany(block => block.Units)).Concat(network.TailUnits).OfType<ConvUnit>()];
        sums = [.. units.Select(_ => new Tensor?[crew.Count])];
        foreach (var (layer, unit) in units.Index())
            unit.BeforeNorm = map => Observe(layer, unit.Norm!, map);
    }

    /// <summary>Watches the passes of this thread until what it returns is disposed.</summary>
    public PartStatistics Begin(int part) => current.Value = new PartStatistics(part, () => current.Value = null);

    /// <summary>Frees the sums that the parts have exchanged, when all of them are done.</summary>
    public void Forget()
    {
        foreach (var layer in sums)
        {
            for (var part = 0; part < layer.Length; part++)
            {
                layer[part]?.Dispose();
                layer[part] = null;
            }
        }
    }

    public void Dispose()
    {
        foreach (var unit in units)
            unit.BeforeNorm = null;
        Forget();
        current.Dispose();
    }

    private void Observe(int layer, BatchNorm norm, Tensor map)
    {
        if (current.Value is not { } part)
            return;
        using var scope = NewDisposeScope();
        var root = map.alias();
        using var guard = no_grad();
        var values = map.detach();
        var channels = values.shape[1];
        // Channels lie side by side in memory, so this is a view.
        var rows = values.permute(0, 2, 3, 1).reshape(-1, channels);
        sums[layer][part.Part] = stack([rows.sum([0]), rows.square().sum([0])]).DetachFromDisposeScope();
        crew.Meet();

        var count = images * map.shape[2] * map.shape[3];
        var moments = stack([.. sums[layer]!]).sum([0]) / count;
        var mean = moments.select(0, 0);
        var off = mean - norm.RunningMean;
        var spread = moments.select(0, 1) - (mean * mean) - norm.RunningVar;
        var (offNorm, spreadNorm) = (off.norm(), spread.norm());
        var share = layer == 0 ? FirstLayerWeight : 1;
        var a = spread * (2 * weight * share / count / spreadNorm.clamp_min(Smallest));
        var b = (off * (weight * share / count / offNorm.clamp_min(Smallest))) - (a * mean);
        var gradient = b.view(1, channels, 1, 1).addcmul(values, a.view(1, channels, 1, 1), 1);
        part.Add((offNorm + spreadNorm) * share, root, gradient);
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
