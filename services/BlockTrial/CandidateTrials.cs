using Fewshot.Artifacts;
using Fewshot.Compression;
using Fewshot.Compression.Trials;
using Fewshot.Models;
using Fewshot.ServiceDefaults;
using Fewshot.StageDefaults;

namespace Fewshot.BlockTrial;

/// <summary>Which blocks of which network to try, on which images.</summary>
internal sealed record TrialJob(Digest Network, Digest Images, IReadOnlyList<string> Candidates, TrialSettings Settings, ComputeSettings Compute);

/// <summary>What the trials found, one outcome a candidate in the job's order, and how many images were used.</summary>
internal sealed record TrialJobOutcome(IReadOnlyList<TrialOutcome> Outcomes, int Images);

/// <summary>Trials of networks and images from artifacts.</summary>
internal static class CandidateTrials
{
    public static TrialJobOutcome Run(StepContext step, TrialJob job)
    {
        using var teacher = Checkpoint.Load(step.Materialize(job.Network));
        using var images = step.LoadImages(job.Images, teacher.Spec.Preprocessing, job.Compute.Device, augmented: true);
        var progress = step.CountImages(job.Settings.Criterion == Criterion.Practise ? job.Settings.BatchSize : 1);
        var outcomes = BlockTrials.Run(teacher, images, job.Candidates, job.Settings, job.Compute, progress, step.Checkpoints, step.Stop);
        return new TrialJobOutcome(outcomes, images.Count);
    }
}
