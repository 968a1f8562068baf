using System.Globalization;
using Fewshot.Artifacts;
using Fewshot.Imaging;
using Fewshot.Models;
using TorchSharp;
using Fewshot.Compute.Optimizers;
using static TorchSharp.torch;

namespace Fewshot.Compression.Synthesis;

/// <summary>
/// One batch of pixels, optimised from noise (methods.md, section 4). Everything random derives from the seed, the step and the batch's first image, so a
/// continued run is the undisturbed run to the bit.
/// </summary>
internal sealed class PixelOptimisation : IDisposable
{
    private const string Stage = "synthesize", StepKey = "step", BestKey = "best_loss", FirstKey = "first_image";
    private const byte ForNoise = 212;
    private readonly SynthesisSettings settings;
    private readonly NetworkTerms networks;
    private readonly ImagePrior prior;
    private readonly int size;
    private readonly Tensor pixels;
    private readonly Tensor best, low, high;
    private readonly AdamW optimizer;
    private double bestLoss = double.PositiveInfinity;

    public PixelOptimisation(NetworkTerms networks, NetworkSpec network, bool hasBatchNorm, SynthesisSettings settings, Device device)
    {
        (this.networks, this.settings, size) = (networks, settings, network.Preprocessing.Size);
        prior = new ImagePrior(settings.TotalVariation, settings.TotalVariationBeta ?? (hasBatchNorm ? 1 : 0.6), settings.L2);
        using var scope = NewDisposeScope();
        var random = new Philox(settings.Seed, 0, settings.FirstImage, ForNoise);
        using var generator = new Generator(((ulong)random.NextUInt32() << 32) | random.NextUInt32(), CPU);
        pixels = randn([settings.Images, network.Preprocessing.Channels, size, size], generator: generator).to(device).requires_grad_();
        best = pixels.detach().clone().DetachFromDisposeScope();
        (low, high) = ImageQuantisation.Range(network.Preprocessing, device);
        pixels.DetachFromDisposeScope();
        low.DetachFromDisposeScope();
        high.DetachFromDisposeScope();
        optimizer = new AdamW([pixels], weightDecay: 0, beta1: 0.5, beta2: 0.9);
    }

    /// <summary>The pixels of the lowest loss so far, normalised <c>[N, C, size, size]</c>.</summary>
    public Tensor Best => best;

    /// <param name="target">Intended classes, int64 <c>[N]</c>.</param>
    /// <exception cref="NonFiniteTermException">A term became NaN or infinite.</exception>
    public void Run(Tensor target, IProgress<StepProgress> progress, ICheckpointStore checkpoints, CancellationToken cancellation)
    {
        var saver = new PeriodicCheckpoint(checkpoints, Save);
        for (var step = Restore(checkpoints); step < settings.Iterations; step++)
        {
            if (cancellation.IsCancellationRequested)
                saver.Save(step);
            cancellation.ThrowIfCancellationRequested();
            progress.Report(new StepProgress(Stage, step + 1, settings.Iterations, "loss", Step(target, step)));
            saver.Offer(step + 1);
        }
    }

    public void Dispose()
    {
        optimizer.Dispose();
        pixels.Dispose();
        best.Dispose();
        low.Dispose();
        high.Dispose();
    }

    /// <returns>The loss before the step.</returns>
    private double Step(Tensor target, int step)
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var jitter = new Jitter(settings.Seed, step, settings.FirstImage, size);
        var x = jitter.Apply(pixels.detach());
        var (gradient, terms) = networks.Run(x, target);
        var (variation, norm) = prior.AddGradient(x, gradient);
        // One read for all terms: on a GPU each read waits for the device.
        var loss = Loss(cat([terms, stack([variation, norm])]).cpu().data<float>().ToArray(), step);
        if (loss < bestLoss)
        {
            bestLoss = loss;
            best.copy_(pixels);
        }

        pixels.grad = jitter.Undo(gradient);
        optimizer.Step(settings.Rate(step));
        pixels.copy_(pixels.maximum(low).minimum(high));
        return loss;
    }

    private double Loss(float[] terms, int step)
    {
        // The pixels first: when they are not finite, no other term is.
        (string Name, double Value, double Weight)[] weighted =
        [
            ("Euclidean norm of the pixels", terms[4], settings.L2),
            ("cross entropy", terms[0], 1),
            ("distance from the batch-norm statistics", terms[1], settings.BatchNorm),
            ("adaptive term", terms[2], settings.Adaptive),
            ("total variation", terms[3], settings.TotalVariation),
        ];
        foreach (var (name, value, _) in weighted)
            if (!double.IsFinite(value))
                throw new NonFiniteTermException(name, step);
        return weighted.Sum(term => term.Value * term.Weight);
    }

    private void Save(Stream stream, long finished)
    {
        using var scope = NewDisposeScope();
        CheckpointFile.Write(
            stream,
            [("pixels", pixels), ("best", best), .. optimizer.State()],
            new Dictionary<string, string>
            {
                [StepKey] = finished.ToString(CultureInfo.InvariantCulture),
                [BestKey] = bestLoss.ToString("R", CultureInfo.InvariantCulture),
                [FirstKey] = settings.FirstImage.ToString(CultureInfo.InvariantCulture),
            });
    }

    // A checkpoint of another batch belongs to a part of the step that is done.
    private int Restore(ICheckpointStore checkpoints)
    {
        using var stream = checkpoints.OpenNewest();
        if (stream is null)
            return 0;
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var (tensors, metadata) = CheckpointFile.Read(stream);
        if (metadata.GetValueOrDefault(FirstKey) != settings.FirstImage.ToString(CultureInfo.InvariantCulture))
            return 0;
        pixels.copy_(tensors["pixels"]);
        best.copy_(tensors["best"]);
        var finished = int.Parse(metadata[StepKey], CultureInfo.InvariantCulture);
        optimizer.Restore(tensors.GetValueOrDefault, finished);
        bestLoss = double.Parse(metadata[BestKey], CultureInfo.InvariantCulture);
        return finished;
    }
}
