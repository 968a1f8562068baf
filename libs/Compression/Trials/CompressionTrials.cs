using Fewshot.Artifacts;
using Fewshot.Compression.Edits;
using Fewshot.Compression.Mimicking;
using Fewshot.Imaging;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Trials;

/// <summary>
/// Block-wise trials of DC-ViT (arXiv 2403.18708, section 3.2): every candidate is the original with one block compressed, trained to mimic, and judged
/// on images that were not trained on. Candidates see the same batches and share the teacher's pass; which of them form a group changes no number.
/// </summary>
public static class CompressionTrials
{
    private const string Stage = "trials";
    private const long SideBySideBytes = 3L << 30;

    /// <summary>How many candidates train side by side: as many as have their weights, gradients and optimiser state in 3 GiB, and at least one.</summary>
    public static int GroupSize(Network teacher) => (int)Math.Clamp(SideBySideBytes / Math.Max(1, MimicStudent.BytesOf(teacher)), 1, int.MaxValue);

    /// <param name="teacher">The original; not changed.</param>
    /// <param name="images">Trained on.</param>
    /// <param name="metricImages">Judged on.</param>
    /// <param name="candidates">One edit each.</param>
    /// <returns>One trained candidate per edit, in the order given; the caller disposes their networks.</returns>
    /// <exception cref="InvalidEditException">An edit names no block that it applies to; the message lists those.</exception>
    /// <exception cref="NonFiniteLossException">Training diverged.</exception>
    public static IReadOnlyList<CompressionTrial> Run(
        Network teacher, ImageBatches images, ImageBatches metricImages, IReadOnlyList<RequestedEdit> candidates, CompressionMetric metric, MimicSettings settings,
        ComputeSettings compute, IProgress<StepProgress> progress, ICheckpointStore checkpoints, CancellationToken cancellation)
    {
        compute.Apply();
        using var scope = NewDisposeScope();
        using var folded = teacher.Folded();
        folded.To(compute.Device);
        var students = new List<(string Name, Network Network)>(candidates.Count);
        try
        {
            foreach (var edit in HiddenUnits.Resolve(folded, images, candidates, settings.BatchSize, cancellation))
                students.Add((BlockOf(edit), CompressedStart.Of(teacher, folded, [edit], images, settings, compute.Device, cancellation)));
            var losses = new MimicTraining(Stage, folded, students, images, settings, compute).Run(progress, checkpoints, cancellation);
            return [.. students.Zip(losses, (student, loss) => new CompressionTrial(
                student.Name,
                metric == CompressionMetric.TrainLoss ? loss.Last : CompressionMetrics.Of(metric, folded, student.Network, metricImages, settings.BatchSize, cancellation),
                loss.First,
                loss.Last,
                student.Network))];
        }
        catch (Exception)
        {
            students.ForEach(student => student.Network.Dispose());
            throw;
        }
    }

    /// <summary>The block that an edit is about.</summary>
    public static string BlockOf(Edit edit) => edit switch
    {
        CompressBlock compress => compress.Block,
        DropBlock drop => drop.Block,
        _ => throw new CompressionException($"edit: {edit.GetType().Name} compresses no block"),
    };
}

/// <summary>A candidate that was tried.</summary>
/// <param name="Block">The block that was compressed, or dropped.</param>
/// <param name="Metric">What was asked for.</param>
/// <param name="FirstLoss">Mimic loss on the training images before training, evaluation transform.</param>
/// <param name="LastLoss">And after.</param>
/// <param name="Network">As it was trained; the caller's.</param>
public sealed record CompressionTrial(string Block, double Metric, double FirstLoss, double LastLoss, Network Network);
