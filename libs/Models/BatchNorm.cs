using TorchSharp;

namespace Fewshot.Models;

/// <summary>Batch normalisation over the channels of <c>[N, C, H, W]</c>.</summary>
public sealed class BatchNorm
{
    /// <summary>Added to the variance; PyTorch's default, which every family here was published with.</summary>
    public const double Epsilon = 1e-5;

    /// <summary>Weight of the newest batch in the running statistics.</summary>
    public const double Momentum = 0.1;

    private readonly TensorSlot weight, bias, runningMean, runningVar;

    internal BatchNorm(string checkpointName, long channels)
    {
        CheckpointName = checkpointName;
        weight = new TensorSlot($"{checkpointName}.weight", [channels], trainable: true, Initial.Ones);
        bias = new TensorSlot($"{checkpointName}.bias", [channels], trainable: true, Initial.Zeros);
        runningMean = new TensorSlot($"{checkpointName}.running_mean", [channels], trainable: false, Initial.Zeros);
        runningVar = new TensorSlot($"{checkpointName}.running_var", [channels], trainable: false, Initial.Ones);
        Slots = [weight, bias, runningMean, runningVar];
    }

    /// <summary>Name in checkpoints, such as <c>layer1.0.bn1</c>.</summary>
    public string CheckpointName { get; }

    /// <summary>Scale, <c>[C]</c>.</summary>
    public torch.Tensor Weight => weight.Value;

    /// <summary>Shift, <c>[C]</c>.</summary>
    public torch.Tensor Bias => bias.Value;

    /// <summary>Mean used in evaluation, <c>[C]</c>.</summary>
    public torch.Tensor RunningMean => runningMean.Value;

    /// <summary>Variance used in evaluation, <c>[C]</c>.</summary>
    public torch.Tensor RunningVar => runningVar.Value;

    /// <summary>The checkpoint's counter, kept as it came: it only matters for cumulative averaging, which no family uses.</summary>
    public long BatchesTracked { get; set; }

    internal IReadOnlyList<TensorSlot> Slots { get; }

    internal torch.Tensor Forward(torch.Tensor x, bool training) =>
        torch.nn.functional.batch_norm(x, RunningMean, RunningVar, Weight, Bias, training, Momentum, Epsilon);

    /// <summary>Scale and shift of the frozen norm, float64 <c>[C]</c> each: <c>norm(x) = scale * x + shift</c>.</summary>
    public (torch.Tensor Scale, torch.Tensor Shift) Affine()
    {
        using var scope = torch.NewDisposeScope();
        var scale = Weight.detach().to(torch.float64) / (RunningVar.to(torch.float64) + Epsilon).sqrt();
        var shift = Bias.detach().to(torch.float64) - (RunningMean.to(torch.float64) * scale);
        return (scale.MoveToOuterDisposeScope(), shift.MoveToOuterDisposeScope());
    }
}
