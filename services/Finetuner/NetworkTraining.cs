using Fewshot.Artifacts;
using Fewshot.Compression;
using Fewshot.Compression.Edits;
using Fewshot.Compression.Finetuning;
using Fewshot.Compression.Mimicking;
using Fewshot.Models;
using Fewshot.ServiceDefaults;
using Fewshot.StageDefaults;

namespace Fewshot.Finetuner;

/// <summary>A student, made of its teacher by edits, that shall mimic it.</summary>
internal sealed record FinetuneJob(
    Digest Teacher, IReadOnlyList<Edit> Edits, Digest Images, TrainingSettings Settings, FeaturePoint FeaturePoint, ComputeSettings Compute);

/// <summary>A network that loses further blocks and then shall mimic its teacher again, as DC-ViT does it.</summary>
internal sealed record ProgressiveJob(
    Digest Teacher, Digest Start, IReadOnlyList<RequestedEdit> Edits, Digest Images, MimicSettings Settings, ComputeSettings Compute);

/// <summary>The finetuned network, stored; kept blocks' names in the original to those in its checkpoint.</summary>
internal sealed record FinetunedNetwork(Digest Network, FinetuneOutcome Loss, int Images, IReadOnlyDictionary<string, string> RenamedBlocks);

/// <summary>An edited network on labeled images.</summary>
internal sealed record EvaluationJob(Digest Network, IReadOnlyList<Edit> Edits, Digest Images, int BatchSize, ComputeSettings Compute);

/// <summary>Its accuracy, and how many images could not be decoded.</summary>
internal sealed record EvaluatedNetwork(Accuracy Accuracy, int SkippedImages);

/// <summary>An edited network that shall learn labels.</summary>
internal sealed record TrainingJob(Digest Network, IReadOnlyList<Edit> Edits, Digest Images, TrainingSettings Settings, ComputeSettings Compute);

/// <summary>The trained network, stored.</summary>
internal sealed record TrainedNetwork(Digest Network, double LastLoss, int Images);

/// <summary>Whole networks from artifacts, trained and evaluated.</summary>
internal static class NetworkTraining
{
    public static FinetunedNetwork Finetune(StepContext step, FinetuneJob job)
    {
        using var teacher = Checkpoint.Load(step.Materialize(job.Teacher));
        using var student = teacher.Apply(job.Edits);
        using var images = step.LoadImages(job.Images, teacher.Spec.Preprocessing, job.Compute.Device, augmented: true);
        var loss = MimicFinetuning.Run(
            teacher, student, images, job.Settings, job.FeaturePoint, job.Compute, step.CountImages(job.Settings.BatchSize), step.Checkpoints, step.Stop);
        return new FinetunedNetwork(step.Store(stream => Checkpoint.Save(student, stream)), loss, images.Count, student.RenamedBlocks());
    }

    public static FinetunedNetwork Compress(StepContext step, ProgressiveJob job)
    {
        using var teacher = Checkpoint.Load(step.Materialize(job.Teacher));
        using var start = Checkpoint.Load(step.Materialize(job.Start));
        using var images = step.LoadImages(job.Images, teacher.Spec.Preprocessing, job.Compute.Device, augmented: true);
        var (student, loss) = ProgressiveFinetuning.Run(teacher, start, job.Edits, images, job.Settings, job.Compute, step.CountImages(job.Settings.BatchSize), step.Checkpoints, step.Stop);
        using (student)
            return new FinetunedNetwork(step.Store(stream => Checkpoint.Save(student, stream)), loss, images.Count, student.RenamedBlocks());
    }

    public static EvaluatedNetwork Evaluate(StepContext step, EvaluationJob job)
    {
        using var original = Checkpoint.Load(step.Materialize(job.Network));
        using var network = original.Apply(job.Edits);
        using var images = step.LoadImages(job.Images, network.Spec.Preprocessing, job.Compute.Device, augmented: false);
        return new EvaluatedNetwork(Evaluation.Run(network, images, job.BatchSize, job.Compute, step.CountImages(1), step.Stop), images.Skipped);
    }

    public static TrainedNetwork Train(StepContext step, TrainingJob job)
    {
        using var original = Checkpoint.Load(step.Materialize(job.Network));
        using var network = original.Apply(job.Edits);
        using var images = step.LoadImages(job.Images, network.Spec.Preprocessing, job.Compute.Device, augmented: true);
        var loss = SupervisedTraining.Run(network, images, job.Settings, job.Compute, step.CountImages(job.Settings.BatchSize), step.Checkpoints, step.Stop);
        return new TrainedNetwork(step.Store(stream => Checkpoint.Save(network, stream)), loss, images.Count);
    }
}
