using Fewshot.Artifacts;
using Fewshot.Compression.ClosedForm;
using Fewshot.Compression.Mimicking;
using Fewshot.Imaging;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Trials;

/// <summary>
/// Recoverability R(B) = min over the adaptors of E_x ||M_O(x) - M_P(B)(x)||^2 (PRACTISE, arXiv 2202.07861, equation 3),
/// for a group of candidates at once. Every candidate sees the same batches, and shares with the others the
/// teacher's pass and the frozen part ahead of its stage; which candidates form a group changes no number.
/// </summary>
/// <param name="network">The folded, frozen network: teacher as it stands, student while a candidate's adaptors are attached.</param>
internal sealed class RecoverabilityTrials(Network network, ImageBatches images, TrialSettings settings, ComputeSettings compute)
{
    private const string Stage = "trials";

    public IReadOnlyList<TrialOutcome> Run(
        IReadOnlyList<string> blocks, IProgress<StepProgress> progress, ICheckpointStore checkpoints, CancellationToken cancellation)
    {
        using var candidates = new CandidateGroup(network, blocks, settings, compute.Device);
        var pass = new TeacherPass(network, candidates.Starts, settings.FeaturePoint);
        var saver = new PeriodicCheckpoint(checkpoints, candidates.Save);
        var evaluations = (images.Count + settings.BatchSize - 1) / settings.BatchSize;
        var total = settings.Iterations + (long)evaluations;

        var start = candidates.Restore(checkpoints);
        if (start == 0 && settings.RidgeStart)
            AdaptorReconstruction.Apply(network, candidates, images, settings.BatchSize, compute, cancellation);
        for (var iteration = start; iteration < settings.Iterations; iteration++)
        {
            if (cancellation.IsCancellationRequested)
                saver.Save(iteration);
            cancellation.ThrowIfCancellationRequested();
            var loss = Train(candidates, pass, iteration);
            progress.Report(new StepProgress(Stage, iteration + 1, total, "mimic loss", loss));
            saver.Offer(iteration + 1);
        }

        return Recoverability(candidates, pass, evaluations, progress, total, cancellation);
    }

    // One step of every candidate on one shared batch; returns the mean loss.
    private double Train(CandidateGroup candidates, TeacherPass pass, int iteration)
    {
        using var scope = NewDisposeScope();
        var batch = images.Training(settings.Seed, iteration, settings.BatchSize, out _).to(compute.ActivationType);
        var (junctions, features) = pass.Run(batch);
        var rate = StepSchedule.Rate(settings.LearningRate, iteration, settings.Iterations);
        var losses = new List<Tensor>(candidates.Count);
        foreach (var candidate in candidates)
        {
            using var inner = NewDisposeScope();
            var loss = candidate.Loss(junctions[candidate.Start], features, settings.FeaturePoint);
            loss.backward();
            candidate.Optimizer.Step(rate);
            losses.Add(loss.detach().MoveToOuterDisposeScope());
        }

        // One read for all candidates: on a GPU each read waits for the device.
        var values = stack(losses).cpu().data<float>().ToArray();
        if (Array.FindIndex(values, v => !float.IsFinite(v)) is var bad and >= 0)
            throw new NonFiniteLossException($"{Stage} of {candidates[bad].Block}", iteration, values[bad]);
        if (iteration == 0)
            for (var i = 0; i < values.Length; i++)
                candidates[i].FirstLoss = values[i];
        return values.Average();
    }

    // The mean mimic loss over the images under the evaluation transform.
    private TrialOutcome[] Recoverability(
        CandidateGroup candidates, TeacherPass pass, int batches, IProgress<StepProgress> progress, long total, CancellationToken cancellation)
    {
        var sums = new double[candidates.Count];
        for (var b = 0; b < batches; b++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            var count = Math.Min(settings.BatchSize, images.Count - b * settings.BatchSize);
            var (junctions, features) = pass.Run(images.Evaluation(b * settings.BatchSize, count).to(compute.ActivationType));
            for (var i = 0; i < candidates.Count; i++)
                sums[i] += count * candidates[i].Loss(junctions[candidates[i].Start], features, settings.FeaturePoint).item<float>();
            progress.Report(new StepProgress(Stage, settings.Iterations + b + 1, total));
        }

        return [.. candidates.Select((c, i) => new TrialOutcome(c.Block, sums[i] / images.Count, c.FirstLoss))];
    }
}
