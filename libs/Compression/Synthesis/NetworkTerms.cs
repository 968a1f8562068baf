using Fewshot.Compression.Parallel;
using Fewshot.Models;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Fewshot.Compression.Synthesis;

/// <summary>
/// The terms of the synthesis loss that need networks, and their gradient by the pixels alone. On the CPU the batch is cut into parts that run at the same
/// time; where no statistics tie its images together, into smaller ones, whose activations stay in the cache (measured on a small ViT: a fifth less time).
/// </summary>
internal sealed class NetworkTerms : IDisposable
{
    private const int LargestPart = 25;
    private readonly SynthesisSettings settings;
    private readonly Network teacher;
    private readonly Network? student;
    private readonly PartCrew crew;
    private readonly StatisticsPenalty? penalty;
    private readonly int parts;

    /// <param name="teacher">Unfolded; neither network is changed.</param>
    /// <param name="student">For the adaptive term; null without it.</param>
    public NetworkTerms(Network teacher, Network? student, SynthesisSettings settings, Device device)
    {
        this.settings = settings;
        var statistics = settings.MethodFor(teacher) == SynthesisMethod.DeepInversion;
        this.teacher = Prepared(teacher, folded: !statistics, device);
        this.student = student is null ? null : Prepared(student, folded: true, device);
        var parallel = device.type == DeviceType.CPU;
        crew = new PartCrew(parallel ? Math.Min(get_num_threads(), settings.Images) : 1);
        penalty = statistics ? new StatisticsPenalty(this.teacher, settings.BatchNorm, settings.Images, crew) : null;
        var rounds = parallel && !statistics ? (settings.Images + (crew.Count * LargestPart) - 1) / (crew.Count * LargestPart) : 1;
        parts = Math.Min(settings.Images, crew.Count * rounds);
    }

    /// <summary>Logits of the teacher.</summary>
    public Tensor Classify(Tensor images) => teacher.Logits(images);

    /// <summary>One pass forward and backward.</summary>
    /// <param name="x">Pixels, <c>[N, C, H, W]</c>.</param>
    /// <param name="target">Intended classes, int64 <c>[N]</c>.</param>
    /// <returns>
    /// The gradient of the weighted sum, like <paramref name="x"/>; and the terms without weights, <c>[3]</c>: cross entropy, statistics, disagreement.
    /// Both in the caller's dispose scope.
    /// </returns>
    public (Tensor Gradient, Tensor Terms) Run(Tensor x, Tensor target)
    {
        using var scope = NewDisposeScope();
        var gradient = empty_like(x);
        var terms = zeros([parts, 3], device: x.device);
        crew.Run(own =>
        {
            for (var part = own; part < parts; part += crew.Count)
                RunPart(own, part, x, target, gradient, terms);
        });
        penalty?.Forget();
        return (gradient.MoveToOuterDisposeScope(), terms.sum([0]).MoveToOuterDisposeScope());
    }

    public void Dispose()
    {
        penalty?.Dispose();
        crew.Dispose();
        teacher.Dispose();
        student?.Dispose();
    }

    private void RunPart(int own, int part, Tensor x, Tensor target, Tensor gradient, Tensor terms)
    {
        using var scope = NewDisposeScope();
        using var enabled = enable_grad();
        var (first, end) = ((long)settings.Images * part / parts, (long)settings.Images * (part + 1) / parts);
        Tensor Mine(Tensor whole) => whole.narrow(0, first, end - first);
        var pixels = Mine(x).detach().requires_grad_(true);
        using var statistics = penalty?.Begin(own);
        var logits = teacher.Logits(pixels);
        var entropy = F.cross_entropy(logits, Mine(target), reduction: nn.Reduction.Sum) / settings.Images;
        var row = terms.select(0, part);
        var loss = entropy;
        if (student is not null)
        {
            var disagreement = StudentDisagreement.Of(logits, student.Logits(pixels)) / settings.Images;
            loss = entropy + (disagreement * settings.Adaptive);
            row.select(0, 2).copy_(disagreement.detach());
        }

        autograd.backward([loss, .. statistics?.Roots ?? []], [ones_like(loss), .. statistics?.Gradients ?? []]);
        Mine(gradient).copy_(pixels.grad!);
        row.select(0, 0).copy_(entropy.detach());
        // It is the whole batch's, and every part has it.
        if (part == 0 && statistics is not null)
            row.select(0, 1).copy_(statistics.Sum());
    }

    private static Network Prepared(Network network, bool folded, Device device)
    {
        var copy = folded ? network.Folded() : network.Clone();
        copy.RequiresGrad(false);
        copy.Training = false;
        copy.To(device);
        return copy;
    }
}
