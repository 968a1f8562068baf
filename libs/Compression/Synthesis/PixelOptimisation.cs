using Fewshot.Imaging;
using Fewshot.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Fewshot.Compression.Synthesis;

/// <summary>One batch of pixels, optimised from noise. Noise, rolls and flips derive from the seed and the batch's first image.</summary>
internal sealed class PixelOptimisation(Network network, SynthesisSettings settings, Device device)
{
    private const int RollAt224 = 30;
    private const byte ForJitter = 211;

    /// <returns>The pixels of the lowest loss, normalised <c>[N, 3, size, size]</c>, in the caller's dispose scope.</returns>
    public Tensor Run(Tensor target, int first, Action<double> report, CancellationToken cancellation)
    {
        using var outer = NewDisposeScope();
        var size = network.Spec.Preprocessing.Size;
        var generator = new Generator(settings.Seed + (ulong)first, CPU);
        var pixels = new Parameter(randn([target.shape[0], 3, size, size], generator: generator).to(device));
        var (low, high) = ImageQuantisation.Range(network.Spec.Preprocessing, device);
        var best = (Loss: double.PositiveInfinity, Pixels: pixels.detach().clone());
        using var optimizer = optim.Adam([pixels], lr: settings.LearningRate, beta1: 0.5, beta2: 0.9);
        using var statistics = new StatisticsPenalty(network);
        for (var step = 0; step < settings.Iterations; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            foreach (var group in optimizer.ParamGroups)
                group.LearningRate = Rate(step);
            optimizer.zero_grad();
            var loss = Loss(Jitter(pixels, step, first, size), target, statistics, step);
            loss.backward();
            var value = loss.item<float>();
            using (no_grad())
            {
                if (value < best.Loss)
                {
                    best.Loss = value;
                    best.Pixels.copy_(pixels);
                }

                optimizer.step();
                pixels.copy_(pixels.maximum(low).minimum(high));
            }

            report(value);
        }

        return best.Pixels.MoveToOuterDisposeScope();
    }

    private Tensor Loss(Tensor x, Tensor target, StatisticsPenalty statistics, int step)
    {
        var crossEntropy = nn.functional.cross_entropy(network.Forward(x), target);
        (string Name, Tensor Value)[] terms =
        [
            ("cross entropy", crossEntropy),
            ("total variation", ImagePrior.TotalVariation(x) * settings.TotalVariation),
            ("l2 norm", x.norm() * settings.L2),
            ("batch-norm statistics", statistics.Take() * settings.BatchNorm),
        ];
        foreach (var (name, term) in terms)
            if (!float.IsFinite(term.item<float>()))
                throw new NonFiniteTermException(name, step);
        return terms.Select(term => term.Value).Aggregate((sum, term) => sum + term);
    }

    // A roll of up to 30 pixels at 224, proportional otherwise, and a flip: features that only hold at one place do not survive it.
    private Tensor Jitter(Tensor pixels, int step, int first, int size)
    {
        var random = new Philox(settings.Seed, step, first, ForJitter);
        var reach = Math.Max(1, RollAt224 * size / 224);
        var rolled = pixels.roll([random.NextInt32((2 * reach) + 1) - reach, random.NextInt32((2 * reach) + 1) - reach], [2, 3]);
        return random.NextInt32(2) == 0 ? rolled : rolled.flip(3);
    }

    private double Rate(int step)
    {
        var warmUp = Math.Max(1, Math.Min(100, settings.Iterations / 10));
        if (step < warmUp)
            return settings.LearningRate * (step + 1) / warmUp;
        var progress = (double)(step - warmUp) / Math.Max(1, settings.Iterations - warmUp);
        return settings.LearningRate * 0.5 * (1 + Math.Cos(Math.PI * progress));
    }
}
