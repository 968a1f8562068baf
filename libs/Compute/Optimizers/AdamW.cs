using static TorchSharp.torch;

namespace Fewshot.Compute.Optimizers;

/// <summary>AdamW (Loshchilov and Hutter 2019), as torch.optim.AdamW; without weight decay it is Adam.</summary>
public sealed class AdamW : Optimizer
{
    private const double Epsilon = 1e-8;
    private readonly double weightDecay, beta1, beta2;
    private readonly Tensor mean, square;
    private long steps;

    public AdamW(IReadOnlyList<Tensor> parameters, double weightDecay, double beta1 = 0.9, double beta2 = 0.999) : base(parameters)
    {
        (this.weightDecay, this.beta1, this.beta2) = (weightDecay, beta1, beta2);
        (mean, square) = (NewMemory(), NewMemory());
    }

    private protected override IEnumerable<(string Name, Tensor Buffer)> Memory => [("exp_avg", mean), ("exp_avg_sq", square)];

    /// <inheritdoc/>
    public override void Restore(Func<string, Tensor?> saved, long steps)
    {
        base.Restore(saved, steps);
        this.steps = steps;
    }

    private protected override void Begin() => steps++;

    private protected override void Update(Tensor values, Tensor gradients, Func<Tensor, Tensor> share, double learningRate)
    {
        if (weightDecay != 0)
            values.mul_(1 - (learningRate * weightDecay));
        var (first, second) = (share(mean), share(square));
        first.mul_(beta1).add_(gradients, alpha: 1 - beta1);
        second.mul_(beta2).addcmul_(gradients, gradients, 1 - beta2);
        var denominator = second.sqrt().div_(Math.Sqrt(1 - Math.Pow(beta2, steps))).add_(Epsilon);
        values.addcdiv_(first, denominator, -learningRate / (1 - Math.Pow(beta1, steps)));
    }
}
