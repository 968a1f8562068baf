using static TorchSharp.torch;

namespace Fewshot.Compute.Optimizers;

/// <summary>SGD with momentum and weight decay, as torch.optim.SGD: g += wd * p; v = m * v + g; p -= lr * v.</summary>
public sealed class Sgd : Optimizer
{
    private readonly double momentum, weightDecay;
    private readonly Tensor velocity;

    public Sgd(IReadOnlyList<Tensor> parameters, double momentum, double weightDecay) : base(parameters)
    {
        (this.momentum, this.weightDecay) = (momentum, weightDecay);
        velocity = NewMemory();
    }

    private protected override IEnumerable<(string Name, Tensor Buffer)> Memory => [("velocity", velocity)];

    private protected override void Update(Tensor values, Tensor gradients, Func<Tensor, Tensor> share, double learningRate)
    {
        if (weightDecay != 0)
            gradients.add_(values, alpha: weightDecay);
        var moving = share(velocity).mul_(momentum).add_(gradients);
        values.add_(moving, alpha: -learningRate);
    }
}
