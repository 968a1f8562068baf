using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Fewshot.Compression.Mimicking;

/// <summary>AdamW (Loshchilov and Hutter 2019) with betas 0.9 and 0.999.</summary>
/// <param name="parameters">They must stay on their device.</param>
public sealed class DecayedAdam(IReadOnlyList<Parameter> parameters, double weightDecay) : ResumableOptimizer
{
    private readonly AdamW optimizer = optim.AdamW(parameters, lr: 1, beta1: 0.9, beta2: 0.999, weight_decay: weightDecay);

    private IEnumerable<(AdamW.State State, int Index)> States => optimizer.state_dict().State.Select((state, i) => ((AdamW.State)state, i));

    /// <inheritdoc/>
    public override void Step(double learningRate)
    {
        foreach (var group in optimizer.ParamGroups)
            group.LearningRate = learningRate;
        optimizer.step();
        optimizer.zero_grad();
    }

    /// <inheritdoc/>
    public override IEnumerable<(string Name, Tensor Value)> State() =>
        States.SelectMany(item => new[] { (Mean(item.Index), item.State.exp_avg), (Square(item.Index), item.State.exp_avg_sq) });

    /// <inheritdoc/>
    public override void Restore(Func<string, Tensor?> saved, long steps)
    {
        using var _ = no_grad();
        foreach (var (state, i) in States)
        {
            state.exp_avg.copy_(saved(Mean(i))!);
            state.exp_avg_sq.copy_(saved(Square(i))!);
            state.step = steps;
        }
    }

    /// <inheritdoc/>
    public override void Dispose() => optimizer.Dispose();

    private static string Mean(int index) => $"exp_avg.{index}";

    private static string Square(int index) => $"exp_avg_sq.{index}";
}
