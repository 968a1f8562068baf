using Fewshot.Artifacts;
using Fewshot.Compression;
using Fewshot.Compression.Synthesis;
using Fewshot.Imaging;
using Fewshot.Models;
using Fewshot.ServiceDefaults;

namespace Fewshot.ImageSynthesizer;

/// <summary>What to make images of, and how.</summary>
/// <param name="Student">For the adaptive term; null without it.</param>
/// <param name="Settings">Of the whole request.</param>
/// <param name="BatchSize">Images optimised together.</param>
internal sealed record SynthesisJob(Digest Network, Digest? Student, SynthesisSettings Settings, int BatchSize, ComputeSettings Compute)
{
    /// <summary>First image and count of every batch.</summary>
    public IEnumerable<(int First, int Count)> Batches() =>
        Enumerable.Range(0, (Settings.Images + BatchSize - 1) / BatchSize)
            .Select(i => (Settings.FirstImage + (i * BatchSize), Math.Min(BatchSize, Settings.Images - (i * BatchSize))));
}

/// <summary>A stored image set.</summary>
/// <param name="Agreed">In how many images, as they are stored, the network sees the intended class.</param>
internal sealed record SynthesisedSet(Digest ImageSet, int Images, int Agreed, SynthesisMethod Method);

/// <summary>Image sets out of networks.</summary>
internal static class NetworkSynthesis
{
    /// <summary>Makes the batches one after the other and joins them.</summary>
    /// <param name="find">A batch that is done; null where it has to be made.</param>
    /// <param name="made">Hears of every batch that was made.</param>
    public static SynthesisedSet Run(StepContext step, SynthesisJob job, Func<int, int, SynthesisedSet?> find, Action<int, SynthesisedSet> made)
    {
        var batches = job.Batches().ToArray();
        using var network = Checkpoint.Load(step.Materialize(job.Network));
        using var student = job.Student is { } digest ? Checkpoint.Load(step.Materialize(digest)) : null;
        var sets = new List<SynthesisedSet>();
        foreach (var (index, (first, count)) in batches.Index())
        {
            if (find(first, count) is { } done)
            {
                sets.Add(done);
                continue;
            }

            var settings = job.Settings with { FirstImage = first, Images = count };
            var progress = step.CountImages(count, new Portion(step.Progress, index, batches.Length));
            var outcome = BatchSynthesis.Run(network, student, settings, job.Compute, progress, step.Checkpoints, step.Stop);
            sets.Add(Store(step, outcome, first, network.Spec.Classes));
            made(first, sets[^1]);
        }

        return sets is [var only] ? only : Join(step, sets);
    }

    private static SynthesisedSet Store(StepContext step, SynthesisOutcome outcome, int first, int classes)
    {
        var entries = outcome.Images.Select((image, i) => new ImageSetEntry($"{first + i:D6}.png", PngEncoder.Encode(image.Image), image.Label));
        return new SynthesisedSet(
            step.Store(stream => ImageSetFile.Write(stream, new ImageSet([.. entries], classes) { Prepared = true })), outcome.Images.Count, outcome.Agreed, outcome.Method);
    }

    private static SynthesisedSet Join(StepContext step, IReadOnlyList<SynthesisedSet> sets)
    {
        var parts = sets.Select(set => ImageSetFile.Read(step.Materialize(set.ImageSet))).ToArray();
        var joined = new ImageSet([.. parts.SelectMany(part => part.Entries)], parts[0].ClassCount) { Prepared = true };
        return new SynthesisedSet(step.Store(stream => ImageSetFile.Write(stream, joined)), sets.Sum(set => set.Images), sets.Sum(set => set.Agreed), sets[0].Method);
    }

    /// <summary>The progress of one batch as that of all.</summary>
    private sealed class Portion(IProgress<StepProgress> whole, int index, int count) : IProgress<StepProgress>
    {
        public void Report(StepProgress value) => whole.Report(value with { Completed = (index * value.Total) + value.Completed, Total = count * value.Total });
    }
}
