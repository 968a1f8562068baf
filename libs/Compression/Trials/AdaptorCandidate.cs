using Fewshot.Compression.Adaptors;
using Fewshot.Compression.Mimicking;
using Fewshot.Compute.Optimizers;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Trials;

/// <summary>One dropped block with the adaptors that are to recover it, and their optimiser.</summary>
internal sealed class AdaptorCandidate : IDisposable
{
    private readonly Network student;

    /// <param name="student">The frozen network that all candidates share; only the adaptors differ.</param>
    public AdaptorCandidate(Network student, string block, TrialSettings settings, Device device)
    {
        this.student = student;
        Block = block;
        Gap = AdaptorPlan.IndexOf(student, block);
        Start = AdaptorPlan.StageStart(student, Gap);
        Sites = AdaptorPlan.For(student, block);
        Adaptors = [.. Sites.Select(site => Identity(site.Channels, device))];
        Optimizer = new Sgd(Adaptors, settings.Momentum, settings.WeightDecay);
    }

    public string Block { get; }

    /// <summary>The dropped block's position.</summary>
    public int Gap { get; }

    public IReadOnlyList<AdaptorSite> Sites { get; }

    /// <summary>The first block whose computation differs from the teacher's.</summary>
    public int Start { get; }

    /// <summary>Trained 1x1 kernels, [channels, channels, 1, 1], in the order of their sites.</summary>
    public IReadOnlyList<Tensor> Adaptors { get; }

    public Sgd Optimizer { get; }

    public double FirstLoss { get; set; } = double.NaN;

    /// <summary>The mimic loss, a scalar tensor of the caller's dispose scope.</summary>
    /// <param name="junction">The teacher ahead of block <see cref="Start"/>: the first adaptor stands behind what it has computed.</param>
    /// <param name="features">The teacher's features.</param>
    public Tensor Loss(Junction junction, Tensor features, FeaturePoint point)
    {
        using var scope = NewDisposeScope();
        Attach();
        try
        {
            // A stage that adds to a stream it did not make may lose its very first block.
            var stream = Gap == Start ? junction.Stream : student.Blocks[Start].Complete(junction.Ahead, junction.Stream);
            for (var i = Start + 1; i < student.Blocks.Count; i++)
                if (i != Gap)
                    stream = student.Blocks[i].Forward(stream);
            return MimicLoss.Between(MimicLoss.FeaturesOf(student, stream, point), features).MoveToOuterDisposeScope();
        }
        finally
        {
            Detach();
        }
    }

    public void Dispose()
    {
        Optimizer.Dispose();
        foreach (var adaptor in Adaptors)
            adaptor.Dispose();
    }

    private static Tensor Identity(long channels, Device device) =>
        eye(channels, dtype: ScalarType.Float32, device: device).view(channels, channels, 1, 1).requires_grad_().DetachFromDisposeScope();

    private void Attach()
    {
        for (var i = 0; i < Sites.Count; i++)
            Set(Sites[i], Adaptors[i]);
    }

    private void Detach()
    {
        foreach (var site in Sites)
            Set(site, null);
    }

    private static void Set(AdaptorSite site, Tensor? adaptor)
    {
        if (site.Before)
            site.Unit.AdaptorBefore = adaptor;
        else
            site.Unit.AdaptorAfter = adaptor;
    }
}
