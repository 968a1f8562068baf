using Fewshot.Artifacts;
using Fewshot.Compression.Edits;
using Fewshot.Compression.Mimicking;
using Fewshot.Imaging;
using Fewshot.Models;
using static TorchSharp.torch;

namespace Fewshot.Compression.Finetuning;

/// <summary>One step of progressive compression (DC-ViT, arXiv 2403.18708, section 3.3): a further block goes, and the network learns to mimic again.</summary>
public static class ProgressiveFinetuning
{
    /// <param name="teacher">The original; not changed.</param>
    /// <param name="network">What the steps before have left; not changed.</param>
    /// <param name="edits">The block or blocks of this step.</param>
    /// <returns>The finetuned network, the caller's, and the mimic loss before and after.</returns>
    /// <exception cref="InvalidEditException">An edit names no block that it applies to; the message lists those.</exception>
    /// <exception cref="NonFiniteLossException">Training diverged.</exception>
    public static (Network Network, FinetuneOutcome Loss) Run(
        Network teacher, Network network, IReadOnlyList<RequestedEdit> edits, ImageBatches images, MimicSettings settings, ComputeSettings compute,
        IProgress<StepProgress> progress, ICheckpointStore checkpoints, CancellationToken cancellation)
    {
        compute.Apply();
        using var scope = TorchSharp.torch.NewDisposeScope();
        using var folded = teacher.Folded();
        using var start = network.Folded();
        folded.To(compute.Device);
        start.To(compute.Device);
        var resolved = HiddenUnits.Resolve(start, images, edits, settings.BatchSize, cancellation);
        var student = CompressedStart.Of(network, folded, resolved, images, settings, compute.Device, cancellation);
        try
        {
            var loss = new MimicTraining("finetune", folded, [("the network", student)], images, settings, compute)
                .Run(progress, checkpoints, cancellation)[0];
            return (student, new FinetuneOutcome(loss.First, loss.Last));
        }
        catch (Exception)
        {
            student.Dispose();
            throw;
        }
    }
}
