using Fewshot.Artifacts;
using Fewshot.Compression;
using Fewshot.Compression.Edits;
using Fewshot.Compression.Mimicking;
using Fewshot.Compression.Trials;
using Fewshot.Models;
using Fewshot.ServiceDefaults;
using Fewshot.StageDefaults;

namespace Fewshot.BlockTrial;

/// <summary>Which edits of which network to try, on which images.</summary>
internal sealed record CompressionJob(
    Digest Network, Digest Images, Digest MetricImages, IReadOnlyList<RequestedEdit> Candidates, CompressionMetric Metric, MimicSettings Settings, ComputeSettings Compute);

/// <summary>A candidate that was tried, its network stored.</summary>
internal sealed record TriedCompression(string Block, double Metric, double FirstLoss, double LastLoss, Digest Network);

/// <summary>DC-ViT's trials of networks and images from artifacts.</summary>
internal static class CompressionCandidates
{
    /// <param name="done">Gets the index of every candidate as soon as it has been tried, with what was found and the number of images.</param>
    public static void Run(StepContext step, CompressionJob job, Action<int, TriedCompression, int> done)
    {
        using var teacher = Checkpoint.Load(step.Materialize(job.Network));
        using var images = step.LoadImages(job.Images, teacher.Spec.Preprocessing, job.Compute.Device, augmented: true);
        using var metric = step.LoadImages(job.MetricImages, teacher.Spec.Preprocessing, job.Compute.Device, augmented: false);
        var finished = 0;
        // What does not fit into memory side by side goes one after the other.
        foreach (var part in job.Candidates.Chunk(CompressionTrials.GroupSize(teacher)))
        {
            var progress = step.CountImages(job.Settings.BatchSize, new Portion(step.Progress, finished, part.Length, job.Candidates.Count));
            var tried = CompressionTrials.Run(teacher, images, metric, part, job.Metric, job.Settings, job.Compute, progress, step.Checkpoints, step.Stop);
            foreach (var trial in tried)
            {
                using var network = trial.Network;
                done(finished++, new TriedCompression(trial.Block, trial.Metric, trial.FirstLoss, trial.LastLoss, step.Store(stream => Checkpoint.Save(network, stream))), images.Count);
            }
        }
    }

    /// <summary>The progress of some candidates as that of all.</summary>
    private sealed class Portion(IProgress<StepProgress> whole, int before, int here, int all) : IProgress<StepProgress>
    {
        public void Report(StepProgress value) =>
            whole.Report(value with { Completed = (before * value.Total) + (here * value.Completed), Total = all * value.Total });
    }
}
