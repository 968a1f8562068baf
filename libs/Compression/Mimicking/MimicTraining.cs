using System.Globalization;
using Fewshot.Artifacts;
using Fewshot.Compression.Parallel;
using Fewshot.Imaging;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Mimicking;

/// <summary>
/// Trains compressed networks side by side on the same batches; the teacher's pass is shared. Batches derive from seed and iteration, so neither who
/// trains beside whom nor an interruption changes a number.
/// </summary>
/// <param name="stage">Name in progress and errors.</param>
/// <param name="teacher">The original, folded and on the device.</param>
/// <param name="students">By name, trained in place; the caller's.</param>
internal sealed class MimicTraining(
    string stage, Network teacher, IReadOnlyList<(string Name, Network Network)> students, ImageBatches images, MimicSettings settings, ComputeSettings compute)
{
    // Halves of a batch, whoever computes them: that, and the threads of an operator, decide the last bits, never how many students train side by side.
    private const int Halves = 2;
    private const int PartsAtOnce = 4;
    private const string IterationKey = "iteration", StudentsKey = "students";

    /// <returns>The mimic loss on the training images under the evaluation transform before and after, student by student.</returns>
    /// <exception cref="NonFiniteLossException">Training diverged.</exception>
    public IReadOnlyList<FinetuneLosses> Run(IProgress<StepProgress> progress, ICheckpointStore checkpoints, CancellationToken cancellation)
    {
        if (compute.MixedPrecision)
            throw new CompressionException("mixed_precision: networks are compressed and finetuned by DC-ViT in float32; leave it off");
        using var scope = NewDisposeScope();
        var trained = students.Select(student => new MimicStudent(student.Network, teacher, settings)).ToList();
        // Batch norm ties a batch's images together; a GPU is one queue.
        var apart = compute.Device.type == DeviceType.CPU && !students.Any(student => student.Network.HasBatchNorm);
        var threads = get_num_threads();
        using var crew = apart ? new PartCrew(Math.Min(threads, PartsAtOnce), Math.Max(1, threads / PartsAtOnce)) : new PartCrew(1);
        try
        {
            var targets = new MimicTargets(teacher, settings.FeaturePoint, settings.FeaturePoint == FeaturePoint.LastTrained ? trained.Select(student => student.Last).ToHashSet() : []);
            var (finished, first) = Restore(trained, checkpoints);
            first ??= MimicDistance.Of(trained, targets, images, settings.BatchSize, cancellation);
            var saver = new PeriodicCheckpoint(checkpoints, (stream, iterations) => Save(stream, trained, first, iterations));
            for (var iteration = finished; iteration < settings.Iterations; iteration++)
            {
                if (cancellation.IsCancellationRequested)
                    saver.Save(iteration);
                cancellation.ThrowIfCancellationRequested();
                var loss = Step(trained, targets, iteration, crew, apart ? Halves : 1);
                progress.Report(new StepProgress(stage, iteration + 1, settings.Iterations, "mimic loss", loss));
                saver.Offer(iteration + 1);
            }

            var last = MimicDistance.Of(trained, targets, images, settings.BatchSize, cancellation);
            return [.. first.Zip(last, (before, after) => new FinetuneLosses(before, after))];
        }
        finally
        {
            trained.ForEach(student => student.Dispose());
        }
    }

    /// <returns>The students' mean loss.</returns>
    private double Step(List<MimicStudent> trained, MimicTargets targets, long iteration, PartCrew crew, int parts)
    {
        using var scope = NewDisposeScope();
        var batch = images.Training(settings.Seed, iteration, settings.BatchSize, out _);
        var target = crew.Alone(() => targets.Run(batch));
        var losses = new List<Tensor>(trained.Count);
        parts = (int)Math.Min(parts, batch.shape[0]);
        foreach (var together in trained.Chunk(Math.Max(1, crew.Count / parts)))
        {
            var gradients = new MimicGradients?[together.Length * parts];
            try
            {
                FindGradients(gradients, together, batch, target, crew);
                for (var i = 0; i < together.Length; i++)
                    losses.Add(together[i].Step(gradients[(i * parts)..((i + 1) * parts)]!, iteration));
            }
            finally
            {
                foreach (var part in gradients)
                    part?.Dispose();
            }
        }

        // One read for all students: on a GPU each read waits for the device.
        var values = stack(losses).cpu().data<float>().ToArray();
        if (Array.FindIndex(values, value => !float.IsFinite(value)) is var bad and >= 0)
            throw new NonFiniteLossException($"{stage} of {students[bad].Name}", iteration, values[bad]);
        return values.Average();
    }

    /// <summary>Of some students, part by part of the batch, each on a thread of the crew.</summary>
    /// <param name="gradients">Student by student, part by part, to be filled.</param>
    private static void FindGradients(MimicGradients?[] gradients, MimicStudent[] together, Tensor batch, MimicTarget target, PartCrew crew)
    {
        var (size, parts) = (batch.shape[0], gradients.Length / together.Length);
        foreach (var student in together)
        {
            student.Prepare(batch.narrow(0, 0, 1), target.Of(0, 1));
            student.Network.Training = true;
        }

        crew.Run(own =>
        {
            for (var task = own; task < gradients.Length; task += crew.Count)
            {
                using var scope = NewDisposeScope();
                var (student, part) = (together[task / parts], task % parts);
                var first = size * part / parts;
                var count = (size * (part + 1) / parts) - first;
                gradients[task] = student.Gradients(batch.narrow(0, first, count), target.Of(first, count), (double)count / size);
            }
        });
        foreach (var student in together)
            student.Network.Training = false;
    }

    private void Save(Stream stream, List<MimicStudent> trained, IReadOnlyList<double> first, long finished)
    {
        using var scope = NewDisposeScope();
        var metadata = new Dictionary<string, string>
        {
            [IterationKey] = finished.ToString(CultureInfo.InvariantCulture),
            [StudentsKey] = string.Join(',', students.Select(student => student.Name)),
        };
        for (var i = 0; i < trained.Count; i++)
            metadata[$"first.{i}"] = first[i].ToString("R", CultureInfo.InvariantCulture);
        CheckpointFile.Write(stream, trained.SelectMany((student, i) => student.State().Select(item => ($"{i}.{item.Name}", item.Value))), metadata);
    }

    // A checkpoint of other students belongs to a part of the step that is done.
    private (int Finished, IReadOnlyList<double>? First) Restore(List<MimicStudent> trained, ICheckpointStore checkpoints)
    {
        using var stream = checkpoints.OpenNewest();
        if (stream is null)
            return (0, null);
        using var scope = NewDisposeScope();
        var (tensors, metadata) = CheckpointFile.Read(stream);
        if (metadata.GetValueOrDefault(StudentsKey) != string.Join(',', students.Select(student => student.Name)))
            return (0, null);
        var finished = int.Parse(metadata[IterationKey], CultureInfo.InvariantCulture);
        for (var i = 0; i < trained.Count; i++)
            trained[i].Restore(name => tensors[$"{i}.{name}"], finished);
        return (finished, [.. trained.Select((_, i) => double.Parse(metadata[$"first.{i}"], CultureInfo.InvariantCulture))]);
    }
}

/// <summary>The mimic loss before and after training.</summary>
internal readonly record struct FinetuneLosses(double First, double Last);
