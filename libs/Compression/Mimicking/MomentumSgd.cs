using TorchSharp;
using static TorchSharp.torch;

namespace Fewshot.Compression.Mimicking;

/// <summary>
/// SGD with momentum and weight decay, as torch.optim.SGD: g += wd * p; v = m * v + g; p -= lr * v.
/// Its whole state is one velocity per parameter, which a checkpoint stores and restores to the bit.
/// </summary>
public sealed class MomentumSgd(IReadOnlyList<Tensor> parameters, double momentum, double weightDecay) : ResumableOptimizer
{
    private readonly Tensor?[] velocities = new Tensor?[parameters.Count];

    /// <inheritdoc/>
    public override void Step(double learningRate)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        for (var i = 0; i < parameters.Count; i++)
        {
            var parameter = parameters[i];
            if (parameter.grad is not { } gradient)
                continue;
            if (weightDecay != 0)
                gradient.add_(parameter, alpha: weightDecay);
            if (velocities[i] is { } velocity)
                velocity.mul_(momentum).add_(gradient);
            else
                velocities[i] = velocity = gradient.clone().DetachFromDisposeScope();
            parameter.add_(velocity, alpha: -learningRate);
            parameter.grad = null;
        }
    }

    /// <summary>The velocity of parameter <paramref name="index"/>, or null before its first step.</summary>
    public Tensor? Velocity(int index) => velocities[index];

    /// <summary>Restores a velocity from a checkpoint; a copy is kept.</summary>
    public void Restore(int index, Tensor velocity)
    {
        velocities[index]?.Dispose();
        velocities[index] = velocity.detach().clone().DetachFromDisposeScope();
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Value)> State() =>
        velocities.Select((velocity, i) => (Name(i), velocity)).Where(item => item.velocity is not null).Select(item => (item.Item1, item.velocity!));

    /// <inheritdoc/>
    public override void Restore(Func<string, Tensor?> saved, long steps)
    {
        for (var i = 0; i < parameters.Count; i++)
        {
            if (saved(Name(i)) is { } velocity)
                Restore(i, velocity.to(parameters[i].device));
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (var velocity in velocities)
            velocity?.Dispose();
    }

    private static string Name(int index) => $"velocity.{index}";
}
