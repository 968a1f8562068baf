using System.Globalization;
using Fewshot.Artifacts;
using Fewshot.Compute.Optimizers;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Finetuning;

/// <summary>
/// The iterations that every training of a whole network shares: loss, backward, step, schedule, progress, and
/// checkpoints of weights, batch-norm statistics, the optimiser's state and position. Batches derive from seed and iteration, so
/// a continued run is the undisturbed run to the bit.
/// </summary>
internal sealed class TrainingLoop(string stage, string metric, Network network, TrainingSettings settings)
{
    private const string IterationKey = "iteration";

    /// <param name="loss">Iteration -> scalar loss with gradient.</param>
    /// <returns>The last iteration's loss.</returns>
    public double Run(Func<long, Tensor> loss, IProgress<StepProgress> progress, ICheckpointStore checkpoints, CancellationToken cancellation)
    {
        var parameters = network.Parameters().ToList();
        foreach (var parameter in parameters)
            parameter.requires_grad_(true);
        using Optimizer optimizer = settings.AdamW
            ? new AdamW(parameters, settings.WeightDecay)
            : new Sgd(parameters, settings.Momentum, settings.WeightDecay);
        var saver = new PeriodicCheckpoint(checkpoints, (stream, finished) => Save(stream, optimizer, finished));
        var value = double.NaN;
        network.Training = true;
        try
        {
            for (var iteration = Restore(checkpoints, optimizer); iteration < settings.Iterations; iteration++)
            {
                if (cancellation.IsCancellationRequested)
                    saver.Save(iteration);
                cancellation.ThrowIfCancellationRequested();
                value = Step(loss, optimizer, iteration);
                progress.Report(new StepProgress(stage, iteration + 1, settings.Iterations, metric, value));
                saver.Offer(iteration + 1);
            }
        }
        finally
        {
            network.Training = false;
            foreach (var parameter in parameters)
                parameter.requires_grad_(false);
        }

        return value;
    }

    private double Step(Func<long, Tensor> loss, Optimizer optimizer, long iteration)
    {
        using var scope = NewDisposeScope();
        var objective = loss(iteration);
        objective.backward();
        var value = objective.item<float>();
        if (!float.IsFinite(value))
            throw new NonFiniteLossException(stage, iteration, value);
        optimizer.Step(settings.Rate(iteration));
        return value;
    }

    private void Save(Stream stream, Optimizer optimizer, long finished)
    {
        using var scope = NewDisposeScope();
        CheckpointFile.Write(
            stream, network.State().Concat(optimizer.State()),
            new Dictionary<string, string> { [IterationKey] = finished.ToString(CultureInfo.InvariantCulture) });
    }

    private long Restore(ICheckpointStore checkpoints, Optimizer optimizer)
    {
        using var stream = checkpoints.OpenNewest();
        if (stream is null)
            return 0;
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var (tensors, metadata) = CheckpointFile.Read(stream);
        foreach (var (name, value) in network.State())
            value.copy_(tensors[name]);
        var finished = long.Parse(metadata[IterationKey], CultureInfo.InvariantCulture);
        optimizer.Restore(tensors.GetValueOrDefault, finished);
        return finished;
    }
}
