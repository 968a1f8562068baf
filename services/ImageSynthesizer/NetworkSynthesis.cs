using Fewshot.Artifacts;
using Fewshot.Compression;
using Fewshot.Compression.Synthesis;
using Fewshot.Imaging;
using Fewshot.Models;
using Fewshot.ServiceDefaults;

namespace Fewshot.ImageSynthesizer;

/// <summary>What to make images of, and how.</summary>
internal sealed record SynthesisJob(Digest Network, SynthesisSettings Settings, ComputeSettings Compute);

/// <summary>The stored image set.</summary>
internal sealed record SynthesisedSet(Digest ImageSet, int Images, double TeacherTop1);

/// <summary>Image sets out of networks.</summary>
internal static class NetworkSynthesis
{
    /// <summary>Makes the images and stores them as PNG, labeled with the classes they were made for.</summary>
    public static SynthesisedSet Run(StepContext step, SynthesisJob job)
    {
        using var network = Checkpoint.Load(step.Materialize(job.Network));
        var outcome = DeepInversion.Run(network, job.Settings, job.Compute, step.Progress, step.Stop);
        var entries = outcome.Images.Select((made, i) => new ImageSetEntry($"{job.Settings.FirstImage + i:D6}.png", PngEncoder.Encode(made.Image), made.Label));
        var set = new ImageSet([.. entries], network.Spec.Classes);
        return new SynthesisedSet(step.Store(stream => ImageSetFile.Write(stream, set)), set.Entries.Count, outcome.TeacherTop1);
    }
}
