using Fewshot.Artifacts;
using Fewshot.Compression.Adaptors;
using Fewshot.Imaging;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Trials;

/// <summary>Judges blocks by a criterion; the smallest value is dropped first.</summary>
public static class BlockTrials
{
    /// <param name="teacher">The original network; it is not changed.</param>
    /// <param name="images">The few images, without labels.</param>
    /// <param name="candidates">Droppable blocks' names.</param>
    /// <returns>One outcome per candidate, in the order given.</returns>
    /// <exception cref="InvalidEditException">A candidate is not a droppable block; the message lists those that are.</exception>
    /// <exception cref="NonFiniteLossException">Training diverged.</exception>
    public static IReadOnlyList<TrialOutcome> Run(
        Network teacher, ImageBatches images, IReadOnlyList<string> candidates, TrialSettings settings, ComputeSettings compute,
        IProgress<StepProgress> progress, ICheckpointStore checkpoints, CancellationToken cancellation)
    {
        compute.Apply();
        foreach (var candidate in candidates)
            AdaptorPlan.IndexOf(teacher, candidate);
        if (settings.Criterion is Criterion.First or Criterion.Random)
            return [.. candidates.Select(c => new TrialOutcome(c, Positional(teacher, c, settings), double.NaN))];

        using var scope = NewDisposeScope();
        using var folded = teacher.Folded();
        folded.To(compute.Device, compute.ActivationType);
        return settings.Criterion == Criterion.Practise
            ? new RecoverabilityTrials(folded, images, settings, compute).Run(candidates, progress, checkpoints, cancellation)
            : new RemovalTrials(folded, images, settings, compute).Run(candidates, progress, cancellation);
    }

    private const byte Purpose = 200;  // its own stream of random numbers

    private static double Positional(Network teacher, string candidate, TrialSettings settings)
    {
        var index = AdaptorPlan.IndexOf(teacher, candidate);
        return settings.Criterion == Criterion.First ? index : new Philox(settings.Seed, 0, index, Purpose).NextDouble();
    }
}
